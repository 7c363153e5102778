import { useEffect, type RefObject } from 'react';
import type { Viewport } from './use-viewport.ts';

/**
 * Two fingers, or a wheel with Ctrl (which a trackpad's pinch is told as): the column follows by a transformation, which
 * costs nothing, and is laid out anew when the fingers leave.
 */
export function usePinch(
  windowRef: RefObject<HTMLDivElement | null>,
  columnRef: RefObject<HTMLDivElement | null>,
  { zoom, zoomTo }: Viewport,
): void {
  useEffect(() => {
    const view = windowRef.current;
    const column = columnRef.current;
    if (view === null || column === null) return undefined;
    let pinch: { distance: number; x: number; y: number; scale: number } | null = null;

    function onStart(event: TouchEvent): void {
      const fingers = fingersOf(event);
      if (fingers === null || view === null) return;
      const box = view.getBoundingClientRect();
      pinch = { distance: fingers.distance, x: fingers.x - box.left, y: fingers.y - box.top, scale: 1 };
    }
    function onMove(event: TouchEvent): void {
      const fingers = fingersOf(event);
      if (pinch === null || fingers === null || view === null || column === null) return;
      event.preventDefault();
      pinch.scale = Math.min(Math.max(fingers.distance / pinch.distance, 0.8 / zoom), 4 / zoom);
      column.style.transformOrigin = `${view.scrollLeft + pinch.x - column.offsetLeft}px ${view.scrollTop + pinch.y - column.offsetTop}px`;
      column.style.transform = `scale(${pinch.scale})`;
    }
    function onEnd(event: TouchEvent): void {
      if (pinch === null || event.touches.length > 1 || column === null) return;
      const { scale, x, y } = pinch;
      pinch = null;
      column.style.transform = '';
      zoomTo(zoom * scale, { x, y });
    }
    function onWheel(event: WheelEvent): void {
      if (!event.ctrlKey || view === null) return;
      event.preventDefault();
      const box = view.getBoundingClientRect();
      zoomTo(zoom * Math.exp(-event.deltaY / 200), { x: event.clientX - box.left, y: event.clientY - box.top });
    }

    view.addEventListener('touchstart', onStart, { passive: true });
    view.addEventListener('touchmove', onMove, { passive: false });
    view.addEventListener('touchend', onEnd);
    view.addEventListener('touchcancel', onEnd);
    view.addEventListener('wheel', onWheel, { passive: false });
    return () => {
      view.removeEventListener('touchstart', onStart);
      view.removeEventListener('touchmove', onMove);
      view.removeEventListener('touchend', onEnd);
      view.removeEventListener('touchcancel', onEnd);
      view.removeEventListener('wheel', onWheel);
    };
  }, [windowRef, columnRef, zoom, zoomTo]);
}

function fingersOf({ touches: [first, second, third] }: TouchEvent): { distance: number; x: number; y: number } | null {
  if (first === undefined || second === undefined || third !== undefined) return null;
  return {
    distance: Math.hypot(first.clientX - second.clientX, first.clientY - second.clientY),
    x: (first.clientX + second.clientX) / 2,
    y: (first.clientY + second.clientY) / 2,
  };
}
