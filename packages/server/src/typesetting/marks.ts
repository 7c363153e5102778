/** What stands on a page. Points from the page's lower left; colours `#RRGGBB`. */
export type Mark =
  | { kind: 'text'; x: number; y: number; size: number; text: string; colour: string }
  | { kind: 'line'; x1: number; y1: number; x2: number; y2: number; width: number; colour: string }
  | { kind: 'box'; x: number; y: number; width: number; height: number; fill: string };

/** The marks of one page, drawn in this order. */
export type PageMarks = Mark[];
