/** What the user of a task can meet. */
import { DomainError, errorCode } from '../core/errors.ts'

const UNKNOWN_TASK_TYPE = errorCode('UNKNOWN_TASK_TYPE', 'No task type of this name is known here; `taskTypes` lists them.')
const TASK_NOT_WAITING = errorCode('TASK_NOT_WAITING', 'This can be done only while the task is CREATED or QUEUED.')
const TASK_NOT_CREATED = errorCode('TASK_NOT_CREATED', 'Only a task that is CREATED can be put into the queue.')
const TASK_FINAL = errorCode('TASK_FINAL', 'The task has ended already.')
const TASK_NOT_RETRYABLE = errorCode('TASK_NOT_RETRYABLE', 'Only a task that FAILED or was CANCELLED can be retried.')
const TASK_RUNNING = errorCode('TASK_RUNNING', 'The task is running; cancel it first.')
const TASK_NOT_LEASED = errorCode('TASK_NOT_LEASED', 'The lease is not, or no longer, held with this token.')

export class UnknownTaskType extends DomainError {
  constructor(type: string, known: readonly string[]) {
    super(UNKNOWN_TASK_TYPE, `There is no task type "${type.slice(0, 100)}". Known: ${known.join(', ')}.`, ['input', 'type'])
  }
}

export class TaskNotWaiting extends DomainError {
  constructor(status: string, path: string[] = ['input', 'id']) {
    super(TASK_NOT_WAITING, `The task is ${status}; this can be changed only while it is CREATED or QUEUED.`, path)
  }
}

export class TaskNotCreated extends DomainError {
  constructor(status: string) {
    super(TASK_NOT_CREATED, `The task is ${status}; only a task that is CREATED can be put into the queue.`, ['input', 'id'])
  }
}

export class TaskFinal extends DomainError {
  constructor(status: string) {
    super(TASK_FINAL, `The task is ${status} already.`, ['input', 'id'])
  }
}

export class TaskNotRetryable extends DomainError {
  constructor(status: string) {
    super(TASK_NOT_RETRYABLE, `The task is ${status}; only one that FAILED or was CANCELLED can be retried.`, ['input', 'id'])
  }
}

export class TaskRunning extends DomainError {
  constructor() {
    super(TASK_RUNNING, 'The task is running; cancel it first.', ['input', 'id'])
  }
}

export class TaskNotLeased extends DomainError {
  constructor() {
    super(TASK_NOT_LEASED, 'The lease on this task is not, or no longer, held with this token.', ['input', 'leaseToken'])
  }
}
