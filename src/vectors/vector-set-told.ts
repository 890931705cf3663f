import type { Work } from '../events/work.ts'
import type { VectorSetStatus, VectorSetValues } from './vector-set.ts'
import { subjectOf } from './vector-space.ts'

/** Tells that a set stands otherwise, as something that happened to what it is of. */
export function vectorSetTold(work: Work, status: VectorSetStatus, { id, ownerId, space, model, items }: VectorSetValues): void {
  work.events.push({ kind: `VECTORS_${status}`, ...subjectOf(space), ownerId, data: { setId: id, space, model, items } })
}
