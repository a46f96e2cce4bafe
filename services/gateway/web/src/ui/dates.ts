/** Times as people read them, in their own zone. */

const DAY_MS = 86_400_000;
const formats = new Map<string, Intl.DateTimeFormat>();

/** Making a format is slow: each is made once. */
function format(locale: string, name: string, options: Intl.DateTimeFormatOptions) {
  const key = `${locale} ${name}`;
  const known = formats.get(key) ?? new Intl.DateTimeFormat(locale, options);
  formats.set(key, known);
  return known;
}

/** Hours and minutes. */
export function clock(at: string, locale: string): string {
  return format(locale, 'clock', { timeStyle: 'short' }).format(new Date(at));
}

/** The time today, the day otherwise. */
export function shortTime(at: string, locale: string): string {
  const date = new Date(at);
  if (date.toDateString() === new Date().toDateString()) return clock(at, locale);
  return format(locale, 'short', { month: 'short', day: 'numeric' }).format(date);
}

/** Day and time. */
export function longTime(at: string, locale: string): string {
  return format(locale, 'long', { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(at));
}

/** A day by its name; today and yesterday by theirs. */
export function dayName(
  at: string,
  locale: string,
  words: { readonly today: string; readonly yesterday: string },
): string {
  const date = new Date(at);
  const now = new Date();
  if (date.toDateString() === now.toDateString()) return words.today;
  if (date.toDateString() === new Date(now.getTime() - DAY_MS).toDateString()) {
    return words.yesterday;
  }
  return format(locale, 'day', { dateStyle: 'full' }).format(date);
}
