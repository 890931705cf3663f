/** A server that does nothing but let schedules fire, in a process of its own, to be killed. Its argument is the database's URL. */
import { z } from 'zod'
import { openDatabase } from '../../src/db/database.ts'
import { openStore } from '../../src/events/store.ts'
import { Scheduler } from '../../src/schedules/scheduler.ts'
import { TaskTypes } from '../../src/tasks/task-type.ts'

const warn = (error: unknown) => console.error(error)
const types = new TaskTypes()
types.register({ name: 'test.held', description: 'Is not run here.', params: z.strictObject({}), run: async () => ({}) })
const store = await openStore(await openDatabase({ url: process.argv[2]!, warn }), { warn })
new Scheduler(store, types, { warn }).start()
console.log('ready')
