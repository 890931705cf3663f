/** What sibling fields ask for, gathered and read together. */
import DataLoader from 'dataloader'

/** SQLite joins at most 500 SELECTs by UNION ALL, and one for each parent is how pages of siblings are read. */
const AT_ONCE = 250

/** `read` is given the ids that siblings ask for, without repeats, and answers in their order. */
export const siblings = <V>(read: (ids: readonly string[]) => Promise<ArrayLike<V | Error>>): DataLoader<string, V> =>
  new DataLoader<string, V>(read, { maxBatchSize: AT_ONCE })
