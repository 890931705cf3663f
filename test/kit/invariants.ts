/** What must never be is not, after whatever a test has done. */
import { openDatabase } from '../../src/db/database.ts'
import { invariantsCheck } from '../../src/events/invariants.ts'
// The rooms' files register what holds in them.
import '../../src/graphql/schema.ts'

/** Fails with what breaks an invariant in a database, but for some by name. Nobody need have it open. */
export async function invariantsHold(url: string, { except = [] }: { except?: readonly string[] } = {}): Promise<void> {
  const database = await openDatabase({ url, exclusive: false, poolSize: 1 })
  try {
    const broken = (await invariantsCheck(database)).filter(({ name, count }) => count > 0 && !except.includes(name))
    if (!broken.length) return
    const told = broken.map(
      ({ name, description, count, violations }) =>
        `${name} (${count}): ${description}\n${violations
          .slice(0, 5)
          .map((each) => `    ${JSON.stringify(each)}`)
          .join('\n')}`,
    )
    throw new Error(`What must never be is, at the end of this world:\n  ${told.join('\n  ')}`)
  } finally {
    await database.close()
  }
}
