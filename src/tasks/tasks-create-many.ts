/**
 * Makes many tasks by one transaction and a few statements. What could be wrong is looked for before anything is written, for on
 * PostgreSQL a statement that fails takes the transaction with it; what could become wrong meanwhile is held. Only an id that a
 * twin takes in the same moment is found by the writing itself, and then nothing is made.
 */
import { type ErrorPolicy, faultsRefuse, orTaken, type Skipped, skippedOf } from '../events/batch.ts'
import type { Work } from '../events/work.ts'
import { type CheckedAll, creationsCheck, type Wanted } from './creations-check.ts'
import { creationsWrite } from './creations-write.ts'
import type { TaskMade } from './task-create.ts'
import { TaskSkipped } from './task-errors.ts'
import type { TaskTypes } from './task-type.ts'

export interface CreatedMany {
  /** In the order of what was asked for; null: skipped. */
  tasks: (TaskMade | null)[]
  skipped: Skipped[]
}

export async function tasksCreateMany(work: Work, types: TaskTypes, wanted: readonly Wanted[], policy: ErrorPolicy): Promise<CreatedMany> {
  const checked = await creationsCheck(work, types, wanted)
  const faults = checked.items.map((item) => item.faults)
  if (policy === 'REJECT_ALL') faultsRefuse('tasks', faults)
  else skipWhatRefers(checked, wanted)
  const good = checked.items.map(({ prepared, faults }) => (faults.length ? null : prepared!))
  const made = await orTaken('tasks', () =>
    creationsWrite(
      work,
      good.filter((each) => each !== null),
      checked.known,
    ),
  )
  return {
    tasks: good.map((prepared) => (prepared ? made.get(prepared)! : null)),
    skipped: skippedOf('tasks', faults),
  }
}

/** Whoever refers to one that is not made is not made either, and so on. */
function skipWhatRefers({ items, places }: CheckedAll, wanted: readonly Wanted[]): void {
  const referring = new Map<number, { index: number; path: string[] }[]>()
  for (const [index, { creation }] of wanted.entries()) {
    const refer = (id: string, path: string[]) => {
      const place = places.get(id)
      if (place !== undefined) referring.set(place, [...(referring.get(place) ?? []), { index, path }])
    }
    for (const [i, id] of (creation?.dependsOn ?? []).entries()) refer(id, ['dependsOn', String(i)])
    if (creation?.parentId !== undefined) refer(creation.parentId, ['parentId'])
  }
  const skipped = [...items.keys()].filter((index) => items[index]!.faults.length)
  for (let place = skipped.pop(); place !== undefined; place = skipped.pop()) {
    for (const { index, path } of referring.get(place) ?? []) {
      const { faults } = items[index]!
      if (!faults.length) skipped.push(index)
      // One that has a fault of its own need not hear of those of others.
      if (!faults.length || faults.every((fault) => fault instanceof TaskSkipped)) faults.push(new TaskSkipped(wanted[place]!.id!, place, path))
    }
  }
}
