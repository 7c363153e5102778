/**
 * What somebody who looks at the page, or hears it, would stumble over: something wider than the window or reaching over
 * the edge of its card's content, text whose contrast with its ground is under 4.5 : 1 (WCAG 2.2, 1.4.3), a control without a name or too small for a finger (2.5.8),
 * an id used twice, not exactly one h1.
 *
 * It runs in the page: nothing from outside of the function may be used.
 */
export function findFaults(): string[] {
  const faults: string[] = [];
  const width = document.documentElement.clientWidth;
  const nameOf = (element: Element): string =>
    `${element.tagName.toLowerCase()}.${element.getAttribute('class') ?? ''} “${(element.textContent ?? '').slice(0, 20)}”`;
  const isShown = (element: Element): boolean => {
    if (element.closest('.visually-hidden') !== null) return false;
    const box = element.getBoundingClientRect();
    return element.checkVisibility() && box.width > 1 && box.height > 1 && getComputedStyle(element).opacity !== '0';
  };
  const colourOf = (text: string): [number, number, number, number] => {
    const parts = (text.match(/[\d.]+/g) ?? []).map(Number);
    return [parts[0] ?? 0, parts[1] ?? 0, parts[2] ?? 0, parts[3] ?? 1];
  };
  const luminance = ([r, g, b]: readonly number[]): number => {
    const linear = (value = 0): number => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    };
    return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  };
  const groundOf = (element: Element | null): readonly number[] => {
    for (let one = element; one !== null; one = one.parentElement) {
      const colour = colourOf(getComputedStyle(one).backgroundColor);
      if (colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };

  /** In a window of its own it may be wider: there one scrolls to it. */
  const scrolls = (element: Element): boolean => {
    for (let one = element.parentElement; one !== null; one = one.parentElement) {
      if (/auto|scroll/.test(getComputedStyle(one).overflowX) && one.getBoundingClientRect().right <= width)
        return true;
    }
    return false;
  };

  if (document.documentElement.scrollWidth > width)
    faults.push(`wider than the window: ${document.documentElement.scrollWidth}`);
  if (document.querySelectorAll('h1').length !== 1) faults.push('not exactly one h1');
  const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
  if (new Set(ids).size !== ids.length) faults.push('an id is used twice');
  for (const element of document.body.querySelectorAll('*')) {
    if (!isShown(element)) continue;
    const box = element.getBoundingClientRect();
    const isFlowing = getComputedStyle(element).position !== 'absolute';
    if (box.right > width + 1 && isFlowing && !scrolls(element)) faults.push(`sticks out: ${nameOf(element)}`);
    const card = element.parentElement?.closest('.card') ?? null;
    if (card !== null && isFlowing) {
      const edge = card.getBoundingClientRect().right - Number.parseFloat(getComputedStyle(card).paddingRight);
      if (box.right > edge + 1) faults.push(`reaches over the card's edge: ${nameOf(element)}`);
    }
    const hasText = [...element.childNodes].some(
      (node) => node.nodeType === 3 && (node.textContent ?? '').trim() !== '',
    );
    if (hasText) {
      const pair = [luminance(colourOf(getComputedStyle(element).color)), luminance(groundOf(element))].sort(
        (a, b) => b - a,
      );
      const contrast = ((pair[0] ?? 0) + 0.05) / ((pair[1] ?? 0) + 0.05);
      if (contrast < 4.5) faults.push(`contrast ${contrast.toFixed(2)}: ${nameOf(element)}`);
    }
    if (element.matches('button, a, summary, input')) {
      const isLabelled = element instanceof HTMLInputElement && (element.labels?.length ?? 0) > 0;
      const hasName = (element.getAttribute('aria-label') ?? element.textContent ?? '').trim() !== '' || isLabelled;
      if (!hasName) faults.push(`no name: ${nameOf(element)}`);
      const reach = Number.parseFloat(getComputedStyle(element, '::after').inset) || 0;
      const least = 22 + 2 * Math.min(reach, 0);
      if (box.height < least || box.width < least) faults.push(`too small for a finger: ${nameOf(element)}`);
    }
    if (element instanceof HTMLImageElement && !element.hasAttribute('alt')) faults.push('an image without alt');
  }
  return faults;
}
