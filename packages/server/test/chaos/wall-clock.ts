/**
 * Puts a wall clock in front of the process's own, so that it can be set forward and back while the process runs, as a
 * bad NTP server would. Timers and `performance.now()` are monotonic and stay as they are, as they do on a real machine.
 *
 * @returns sets how far the clock is off, in milliseconds
 */
export function installWallClock(): (offsetMs: number) => void {
  const RealDate = Date;
  let offsetMs = 0;
  const now = (): number => RealDate.now() + offsetMs;
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, given, newTarget) => Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget),
    apply: () => new RealDate(now()).toString(),
    get: (target, key, receiver) => (key === 'now' ? now : Reflect.get(target, key, receiver)),
  });
  return (given) => {
    offsetMs = given;
  };
}
