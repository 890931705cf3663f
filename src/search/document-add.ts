import type { Work } from '../events/work.ts'
import { collectionInto, type Into } from './collection-hold.ts'
import type { DocumentInput } from './document.ts'
import { documentsWrite, type IfExists, type Outcome } from './documents-write.ts'

/** Puts one document into a collection; FAIL refuses one whose external id is there, REPLACE changes that one. */
export async function documentAdd(work: Work, into: Into, input: DocumentInput, ifExists: IfExists): Promise<{ documentId: string; outcome: Outcome }> {
  const [written] = await documentsWrite(work, await collectionInto(work, into), [input], ifExists)
  if ('fault' in written!) throw written.fault
  return written!
}
