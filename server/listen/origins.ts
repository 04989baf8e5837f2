/** Whether a page of this origin may use the server. Programs that are no browser send none, and are always allowed. */
export type OriginRule = (origin: string | undefined) => boolean;

/** `*` stands for every origin. */
export function originRule(origins: readonly string[]): OriginRule {
  if (origins.includes('*')) return () => true;
  const allowed = new Set(origins);
  return (origin) => origin === undefined || origin === '' || allowed.has(origin);
}
