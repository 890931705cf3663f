/** A space that tests hold in their hands: `test:<id of a user>`, with items in memory. */

import { server } from '../../src/core/actor.ts'
import { newId } from '../../src/core/ids.ts'
import { reading, transact } from '../../src/events/transact.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import { queryVector } from '../../src/vectors/query-vector.ts'
import { vectorItemsChange } from '../../src/vectors/vector-items-change.ts'
import { vectorItemsRemove } from '../../src/vectors/vector-items-remove.ts'
import type { VectorSetValues } from '../../src/vectors/vector-set.ts'
import { vectorSetCreate } from '../../src/vectors/vector-set-create.ts'
import { registerItemSource } from '../../src/vectors/vector-space.ts'
import { vectorsNearest } from '../../src/vectors/vectors-nearest.ts'
import { type VectorsStanding, vectorsStanding } from '../../src/vectors/vectors-standing.ts'
import type { TestUser, World } from '../kit/world.ts'
import { bare, whenTask } from '../tasks/task.ts'

const texts = new Map<string, Map<string, string>>()

registerItemSource('test', {
  subjectType: 'User',
  idsAfter: async (_reader, space, after, limit) =>
    [...(texts.get(space)?.keys() ?? [])]
      .sort()
      .filter((id) => after === null || id > after)
      .slice(0, limit),
  texts: async (_reader, space, ids) => ids.flatMap((id) => (texts.get(space)?.has(id) ? [{ id, text: texts.get(space)!.get(id)! }] : [])),
})

export class TestSpace {
  readonly space: string

  constructor(
    readonly world: World,
    readonly user: TestUser,
  ) {
    this.space = `test:${newId()}`
    texts.set(this.space, new Map())
  }

  get items(): Map<string, string> {
    return texts.get(this.space)!
  }

  /** Adds texts, or changes those that are there; answers their ids. */
  async put(...given: string[]): Promise<string[]> {
    return this.set(new Map(given.map((text) => [newId(), text])))
  }

  async set(given: ReadonlyMap<string, string>): Promise<string[]> {
    const ids = [...given.keys()]
    await transact(this.world.app.store, server, (work) => vectorItemsChange(work, this.space, ids))
    for (const [id, text] of given) this.items.set(id, text)
    return ids
  }

  async remove(...ids: string[]): Promise<void> {
    for (const id of ids) this.items.delete(id)
    await transact(this.world.app.store, server, (work) => vectorItemsRemove(work, this.space, ids))
  }

  async embed(model: string): Promise<VectorSetValues> {
    return (await transact(this.world.app.store, server, (work) => vectorSetCreate(work, { ownerId: bare(this.user.id), space: this.space, model }))).result
  }

  standing(): Promise<VectorsStanding | null> {
    return vectorsStanding(reading(this.world.app.store, server), this.space)
  }

  /** Everything that is pending is embedded, or the task that should has failed. */
  async settled(): Promise<VectorsStanding> {
    for (;;) {
      const standing = (await this.standing())!
      const taskId = (standing.building ?? standing.live)!.taskId
      if (!taskId) return standing
      await whenTask(this.world, this.user, `Task:${taskId}`, ({ status }) => ['COMPLETED', 'FAILED', 'CANCELLED'].includes(status))
    }
  }

  /** Texts, the nearest to a question first. */
  async nearest(question: string, k = 10, among?: readonly string[]): Promise<string[]> {
    const { live } = (await this.standing())!
    const query = await queryVector(this.world.app.embedders, bare(this.user.id), live!.model, question)
    const only = among && (among.length ? Prisma.sql`SELECT "itemId" FROM ${this.#table(among)}` : Prisma.sql`SELECT '' AS "itemId" WHERE 1 = 0`)
    return (await vectorsNearest(this.world.app.store, { set: live!, query, k, among: only })).map(({ itemId }) => this.items.get(itemId) ?? `?${itemId}`)
  }

  /** The ids that the set that answers has vectors of. */
  async vectorIds(): Promise<string[]> {
    const { live } = (await this.standing())!
    const rows = await this.world.client.vector.findMany({ where: { setId: live!.id }, select: { itemId: true }, orderBy: { itemId: 'asc' } })
    return rows.map(({ itemId }) => itemId)
  }

  #table(ids: readonly string[]): Prisma.Sql {
    return this.world.app.store.database.sql.table('only', { itemId: { kind: 'text', values: ids } })
  }
}
