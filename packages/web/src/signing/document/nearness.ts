/** Tells elements whether they are near what is seen of a scrolling element. */
export interface Nearness {
  /** Answers how to stop. */
  observe(element: Element, tell: (isNear: boolean) => void): () => void;
  stop(): void;
}

/** A window's height above and below what is seen: there before one scrolls to it, and not much more. */
const NEAR_MARGIN = '100% 0px';
/** Who passes fast wants no pictures of what lies between. */
const SETTLE_MS = 90;

export function createNearness(root: Element): Nearness {
  const told = new Map<Element, (isNear: boolean) => void>();
  const settling = new Map<Element, number>();
  let isFirst = true;

  function forget(element: Element): void {
    window.clearTimeout(settling.get(element));
    settling.delete(element);
  }

  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        forget(target);
        const tell = told.get(target);
        if (tell === undefined) continue;
        if (isIntersecting && !isFirst)
          settling.set(
            target,
            window.setTimeout(() => tell(true), SETTLE_MS),
          );
        else tell(isIntersecting);
      }
      isFirst = false;
    },
    { root, rootMargin: NEAR_MARGIN },
  );

  return {
    observe(element, tell) {
      told.set(element, tell);
      observer.observe(element);
      return () => {
        forget(element);
        told.delete(element);
        observer.unobserve(element);
      };
    },
    stop: () => observer.disconnect(),
  };
}
