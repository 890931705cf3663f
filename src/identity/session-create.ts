import type { Work } from '../events/work.ts'
import { type PasswordProof, passwordSettle } from './password-proof.ts'
import { type SessionOpening, sessionOpen } from './session-open.ts'
import type { SessionTimes } from './tokens.ts'

/** Logs in whoever has proven the password. Null where the proof failed, which is counted: the caller commits and then refuses. */
export async function sessionCreate(work: Work, proof: PasswordProof, opening: Omit<SessionOpening, 'userId'>): Promise<SessionTimes | null> {
  const userId = await passwordSettle(work, proof)
  return userId === null ? null : sessionOpen(work, { ...opening, userId })
}
