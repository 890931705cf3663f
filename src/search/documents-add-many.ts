import type { DomainError } from '../core/errors.ts'
import { type ErrorPolicy, faultsRefuse, type Skipped, skippedOf, type Wanted } from '../events/batch.ts'
import type { Work } from '../events/work.ts'
import { collectionInto, type Into } from './collection-hold.ts'
import type { DocumentInput } from './document.ts'
import { documentsWrite, type IfExists, type Written } from './documents-write.ts'

export interface AddedMany {
  collectionId: string
  /** In the order of what was asked for; null: skipped. */
  documents: (Exclude<Written, { fault: DomainError }> | null)[]
  skipped: Skipped[]
}

/** Puts many documents into a collection: all or none of them, or those without fault. */
export async function documentsAddMany(
  work: Work,
  into: Into,
  asked: readonly Wanted<DocumentInput>[],
  more: { ifExists: IfExists; policy: ErrorPolicy },
): Promise<AddedMany> {
  const faults = asked.map(({ faults }) => [...faults])
  if (more.policy === 'REJECT_ALL') faultsRefuse('documents', faults)
  const collection = await collectionInto(work, into)
  const good = asked.flatMap(({ creation: input }, index) => (input ? [{ input, index }] : []))
  const written = await documentsWrite(
    work,
    collection,
    good.map(({ input }) => input),
    more.ifExists,
  )
  const documents: AddedMany['documents'] = asked.map(() => null)
  for (const [i, { index }] of good.entries()) {
    const each = written[i]!
    if ('fault' in each) faults[index]!.push(each.fault)
    else documents[index] = each
  }
  if (more.policy === 'REJECT_ALL') faultsRefuse('documents', faults)
  return { collectionId: collection.id, documents, skipped: skippedOf('documents', faults) }
}
