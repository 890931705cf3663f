/** Holdfast as it is, but that each subscriber's results are executed and serialized for it alone. */
import { sharing } from '../../src/graphql/shared-results.ts'

sharing.on = false
await import('../../src/main.ts')
