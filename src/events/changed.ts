/** What was other before a change, for `data.before` of its event; undefined where it was nothing. Lists and objects are compared by what they hold. */
export function changedFrom<Values extends object>(
  columns: readonly (keyof Values & string)[],
  before: Values | null | undefined,
  after: Values,
): { before: Partial<Values> } | undefined {
  if (!before) return undefined
  const changed = columns.filter((column) => JSON.stringify(before[column]) !== JSON.stringify(after[column]))
  return changed.length ? { before: Object.fromEntries(changed.map((column) => [column, before[column]])) as Partial<Values> } : undefined
}
