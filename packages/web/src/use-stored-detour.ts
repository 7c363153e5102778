import { useCallback, useState } from 'react';
import { STEPS, type Step } from '../../server/src/dialects/member/contract.ts';

/**
 * Where the member wants to look although the service's step is another: back at the form, at the consent once a seal is
 * chosen, or past it.
 */
export type Detour = { from: Step; to: Step } | null;

const STORED_DETOUR = 'yinxin.detour';

/** The detour of this tab, which a reload keeps. */
export function useStoredDetour(): [Detour, (detour: Detour) => void] {
  const [detour, setDetour] = useState<Detour>(stored);
  const change = useCallback((next: Detour) => {
    setDetour(next);
    try {
      if (next === null) window.sessionStorage.removeItem(STORED_DETOUR);
      else window.sessionStorage.setItem(STORED_DETOUR, `${next.from} ${next.to}`);
    } catch {
      // Storage is off: a reload shows the service's step.
    }
  }, []);
  return [detour, change];
}

function stored(): Detour {
  try {
    const names = (window.sessionStorage.getItem(STORED_DETOUR) ?? '').split(' ');
    const [from, to] = names.map((name) => STEPS.find((step) => step === name));
    return from === undefined || to === undefined ? null : { from, to };
  } catch {
    return null;
  }
}
