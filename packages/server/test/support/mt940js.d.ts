/** What the tests use of it. */
declare module 'mt940js' {
  export class Parser {
    parse(text: string): { transactions: { bankReference: string; amount: number }[] }[];
  }
}
