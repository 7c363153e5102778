/** What was begun already, for whoever asks first; everybody else begins anew. */
export function once<Answer>(begun: Promise<Answer>, anew: () => Promise<Answer>): () => Promise<Answer> {
  let isTaken = false;
  return async () => {
    if (isTaken) return anew();
    isTaken = true;
    return begun;
  };
}
