import { DomainError } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { collectionInto, type Into } from './collection-hold.ts'
import type { DocumentInput } from './document.ts'
import { documentsWrite, type IfExists, type Written } from './documents-write.ts'

export type ErrorPolicy = 'REJECT_ALL' | 'SKIP_FAILED'

/** One of many: what was asked for, or what is wrong with the asking. */
export interface Asked {
  input: DocumentInput | null
  faults: readonly DomainError[]
}

export interface AddedMany {
  collectionId: string
  /** In the order of what was asked for; null: skipped. */
  documents: (Exclude<Written, { fault: DomainError }> | null)[]
  skipped: { index: number; errors: DomainError[] }[]
}

const MAX_FAULTS = 100
const MAX_FAULTS_OF_ONE = 10

/** Puts many documents into a collection: all or none of them, or those without fault. */
export async function documentsAddMany(work: Work, into: Into, asked: readonly Asked[], more: { ifExists: IfExists; policy: ErrorPolicy }): Promise<AddedMany> {
  const faults = asked.map(({ faults }) => [...faults])
  if (more.policy === 'REJECT_ALL') refuse(faults)
  const collection = await collectionInto(work, into)
  const good = asked.flatMap(({ input }, index) => (input ? [{ input, index }] : []))
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
  if (more.policy === 'REJECT_ALL') refuse(faults)
  const skipped = faults.flatMap((errors, index) =>
    errors.length ? [{ index, errors: errors.slice(0, MAX_FAULTS_OF_ONE).map((fault) => at(index, fault)) }] : [],
  )
  return { collectionId: collection.id, documents, skipped }
}

/** A fault of one, where it stands among many. */
const at = (index: number, { code, message, inputPath }: DomainError): DomainError =>
  new DomainError(code, message, ['input', 'documents', String(index), ...(inputPath ?? []).slice(1)])

class DocumentsRefused extends DomainError {
  constructor(override readonly faults: readonly DomainError[]) {
    super(faults[0]!.code, faults[0]!.message, faults[0]!.inputPath)
  }
}

function refuse(faults: readonly DomainError[][]): void {
  const all = faults.flatMap((each, index) => each.map((fault) => at(index, fault)))
  if (all.length) throw new DocumentsRefused(all.slice(0, MAX_FAULTS))
}
