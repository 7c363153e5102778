/** Tells elements whether they are near what is seen of a scrolling element. */
export interface Nearness {
  /** Answers how to stop. */
  observe(element: Element, tell: (isNear: boolean) => void): () => void;
  /** The first of them has its picture, or none will come: the others' turn. */
  goOn(): void;
  stop(): void;
}

/** A window's height above and below what is seen: there before one scrolls to it, and not much more. */
const NEAR_MARGIN = '100% 0px';
/** Who passes fast wants no pictures of what lies between. */
const SETTLE_MS = 90;

/**
 * At first it tells the page that is read alone: on a slow line its neighbours' pictures would make its own late.
 */
export function createNearness(root: Element): Nearness {
  const told = new Map<Element, (isNear: boolean) => void>();
  const settling = new Map<Element, number>();
  /** Near, and waiting for the first; null once that is there. */
  let waiting: Set<Element> | null = new Set();

  function forget(element: Element): void {
    window.clearTimeout(settling.get(element));
    settling.delete(element);
    waiting?.delete(element);
  }

  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target } of entries) forget(target);
      const near = entries.filter(({ isIntersecting }) => isIntersecting).map(({ target }) => target);
      for (const { target, isIntersecting } of entries) if (!isIntersecting) told.get(target)?.(false);
      if (waiting === null) {
        for (const target of near)
          settling.set(
            target,
            window.setTimeout(() => told.get(target)?.(true), SETTLE_MS),
          );
        return;
      }
      const { top } = root.getBoundingClientRect();
      const first = waiting.size === 0 ? near.find((target) => target.getBoundingClientRect().bottom > top) : undefined;
      for (const target of near) if (target !== first) waiting.add(target);
      if (first !== undefined) told.get(first)?.(true);
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
    goOn() {
      const others = waiting ?? [];
      waiting = null;
      for (const element of others) told.get(element)?.(true);
    },
    stop: () => observer.disconnect(),
  };
}
