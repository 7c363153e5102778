/** What a browser calls itself, in a few words for a person; the whole text stands in the report beside it. */
export function deviceOf(userAgent: string | null): string {
  if (userAgent === null || userAgent === '') return '–';
  const parts = [systemOf(userAgent), browserOf(userAgent)].filter((part) => part !== null);
  return parts.length === 0 ? userAgent.slice(0, 40) : parts.join(' · ');
}

type Rule = readonly [RegExp, (version: string) => string];

/** The first that fits: what embeds another stands before it. */
const SYSTEMS: readonly Rule[] = [
  [/HarmonyOS|OpenHarmony ?([\d.]*)/, (version) => `HarmonyOS ${version}`],
  [/Android ([\d.]+)/, (version) => `Android ${version}`],
  [/iPad.*? OS (\d+[_\d]*)/, (version) => `iPadOS ${version.replaceAll('_', '.')}`],
  [/iPhone.*? OS (\d+[_\d]*)/, (version) => `iOS ${version.replaceAll('_', '.')}`],
  [/Windows NT ([\d.]+)/, (version) => `Windows NT ${version}`],
  [/Mac OS X ([\d_]+)/, (version) => `macOS ${version.replaceAll('_', '.')}`],
  [/Linux()/, () => 'Linux'],
];
const BROWSERS: readonly Rule[] = [
  [/MicroMessenger\/([\d.]+)/, (version) => `微信 ${version}`],
  [/AlipayClient\/([\d.]+)/, (version) => `支付宝 ${version}`],
  [/Edg(?:A|iOS)?\/(\d+)/, (version) => `Edge ${version}`],
  [/Firefox\/(\d+)/, (version) => `Firefox ${version}`],
  [/(?:Chrome|CriOS)\/(\d+)/, (version) => `Chrome ${version}`],
  [/Version\/([\d.]+).*Safari/, (version) => `Safari ${version}`],
];

const systemOf = (userAgent: string): string | null => firstOf(SYSTEMS, userAgent);
const browserOf = (userAgent: string): string | null => firstOf(BROWSERS, userAgent);

function firstOf(rules: readonly Rule[], userAgent: string): string | null {
  for (const [pattern, words] of rules) {
    const match = pattern.exec(userAgent);
    if (match) return words(match[1] ?? '').trim();
  }
  return null;
}
