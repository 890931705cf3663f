/** What the user of a schedule can meet. */
import { DomainError, errorCode } from '../core/errors.ts'
import { registerConstraint } from '../db/constraints.ts'
import { MAX_SCHEDULES } from './schedule.ts'

const SCHEDULE_NAME_TAKEN = errorCode('SCHEDULE_NAME_TAKEN', 'Another schedule of this owner has this name.')
const SCHEDULE_LIMIT_REACHED = errorCode('SCHEDULE_LIMIT_REACHED', `An owner has at most ${MAX_SCHEDULES} schedules; delete one first.`)
const SCHEDULE_NEVER_RUNS = errorCode('SCHEDULE_NEVER_RUNS', 'No time fits the cron expression, or none does before the end.')

export class ScheduleNameTaken extends DomainError {
  constructor() {
    super(SCHEDULE_NAME_TAKEN, 'Another schedule has this name already.', ['input', 'name'])
  }
}

export class ScheduleLimitReached extends DomainError {
  constructor() {
    super(SCHEDULE_LIMIT_REACHED, `There are ${MAX_SCHEDULES} schedules already, as many as there may be; delete one first.`)
  }
}

export class ScheduleNeverRuns extends DomainError {
  constructor(field: 'cron' | 'endsAt' | 'id', why: 'NOTHING_FITS' | 'ENDS_BEFORE') {
    super(SCHEDULE_NEVER_RUNS, why === 'NOTHING_FITS' ? 'No time fits this cron expression.' : 'It ends before it would run again.', ['input', field])
  }
}

/** The task cannot be made: what is wrong with it, told of where a schedule holds it. */
export class ScheduledTaskRefused extends DomainError {
  override readonly faults: readonly DomainError[]

  constructor(error: DomainError) {
    super(error.code, error.message, inTask(error.inputPath))
    this.faults = error.faults?.map((fault) => new DomainError(fault.code, fault.message, inTask(fault.inputPath))) ?? [this]
  }
}

const inTask = (path: readonly string[] | null): string[] => ['input', 'task', ...(path ?? []).slice(1)]

registerConstraint({ model: 'Schedule', fields: ['ownerId', 'name'] }, () => new ScheduleNameTaken())
