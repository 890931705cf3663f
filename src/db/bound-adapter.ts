/**
 * A driver adapter that is always inside the transaction that is open on one connection: what a Prisma client on it does
 * is part of that transaction. Transactions that Prisma itself begins on it (for nested writes) become savepoints.
 */
import type { IsolationLevel, SqlDriverAdapter, SqlQueryable, Transaction } from '@prisma/driver-adapter-utils'
import type { PrismaClient } from '../generated/sqlite/client.ts'
import { type Tx, transactionOptions } from './database.ts'

const NESTED = 'prisma_nested'

type Inside = SqlQueryable & Pick<SqlDriverAdapter, 'getConnectionInfo'>

function boundAdapter(inside: Inside): SqlDriverAdapter {
  const script = (sql: string) => inside.executeRaw({ sql, args: [], argTypes: [] })
  const queryable: SqlQueryable = {
    provider: inside.provider,
    adapterName: inside.adapterName,
    queryRaw: (query) => inside.queryRaw(query),
    executeRaw: (query) => inside.executeRaw(query),
  }
  return {
    ...queryable,
    executeScript: async (sql) => void (await script(sql)),
    getConnectionInfo: () => inside.getConnectionInfo?.() ?? { supportsRelationJoins: false },
    dispose: async () => {},
    async startTransaction(_isolationLevel?: IsolationLevel): Promise<Transaction> {
      await script(`SAVEPOINT ${NESTED}`)
      return {
        ...queryable,
        options: { usePhantomQuery: true },
        commit: async () => void (await script(`RELEASE SAVEPOINT ${NESTED}`)),
        rollback: async () => {
          await script(`ROLLBACK TO SAVEPOINT ${NESTED}`)
          await script(`RELEASE SAVEPOINT ${NESTED}`)
        },
        createSavepoint: async (name) => void (await script(`SAVEPOINT ${name}`)),
        rollbackToSavepoint: async (name) => void (await script(`ROLLBACK TO SAVEPOINT ${name}`)),
        releaseSavepoint: async (name) => void (await script(`RELEASE SAVEPOINT ${name}`)),
      }
    },
  }
}

/** A Prisma client whose every statement is part of what is open on one connection. */
export function boundClient(Client: typeof PrismaClient, inside: Inside): Tx {
  const { provider, adapterName } = inside
  return new Client({ adapter: { provider, adapterName, connect: async () => boundAdapter(inside) }, transactionOptions })
}
