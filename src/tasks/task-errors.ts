/** What the user of a task can meet. */
import { BadUserInput, DomainError, errorCode, NotFound } from '../core/errors.ts'

const UNKNOWN_TASK_TYPE = errorCode('UNKNOWN_TASK_TYPE', 'No task type of this name is known here; `taskTypes` lists them.')
const TASK_NOT_WAITING = errorCode('TASK_NOT_WAITING', 'This can be done only while the task is CREATED or QUEUED.')
const TASK_NOT_CREATED = errorCode('TASK_NOT_CREATED', 'Only a task that is CREATED can be put into the queue.')
const TASK_FINAL = errorCode('TASK_FINAL', 'The task has ended already.')
const TASK_NOT_RETRYABLE = errorCode('TASK_NOT_RETRYABLE', 'Only a task that FAILED or was CANCELLED can be retried.')
const TASK_RUNNING = errorCode('TASK_RUNNING', 'The task is running; cancel it first.')
const TASK_NOT_LEASED = errorCode('TASK_NOT_LEASED', 'The lease is not, or no longer, held with this token.')

const DEPENDENCY_CIRCLE = errorCode('DEPENDENCY_CIRCLE', 'The tasks would wait for each other in a circle.')
const DEPENDENCY_ENDED = errorCode('DEPENDENCY_ENDED', 'A task it shall depend on has FAILED or was CANCELLED.')
const PARENT_ENDED = errorCode('PARENT_ENDED', 'The task that it belongs to, or shall belong to, has ended.')
const TASK_SKIPPED = errorCode('TASK_SKIPPED', 'It refers to a task of the same call that is not made.')
const TASK_NOT_FINAL = errorCode('TASK_NOT_FINAL', 'This can be done only once the task has ended.')

export class DependencyNotFound extends NotFound {
  constructor(id: string, index: number) {
    super(`Task:${id}`, ['input', 'dependsOn', String(index)])
  }
}

const wayOf = (circle: readonly string[]) => `${circle.slice(0, 20).join(' → ')}${circle.length > 20 ? ' → …' : ''}`

/** Names the circle. */
export class DependencyCircle extends DomainError {
  constructor(
    readonly circle: readonly string[],
    path: string[] = ['input', 'dependsOn'],
  ) {
    super(DEPENDENCY_CIRCLE, `These tasks would wait for each other: ${wayOf(circle)}.`, path)
  }
}

export class ParentCircle extends BadUserInput {
  constructor(circle: readonly string[]) {
    super(`These tasks would belong to each other: ${wayOf(circle)}.`, ['input', 'parentId'])
  }
}

/** Of tasks that are made together. */
export class ReferenceToUnique extends BadUserInput {
  constructor(index: number, path: string[]) {
    super(`tasks.${index} is unique: it may be there already under another id. Make it first, and refer to the one that there is.`, path)
  }
}

export class DependencyEnded extends DomainError {
  constructor(id: string, status: string, index: number) {
    super(DEPENDENCY_ENDED, `Task:${id} is ${status} already; retry it, or let this one run all the same with onDependencyFailure: RUN.`, [
      'input',
      'dependsOn',
      String(index),
    ])
  }
}

export class ParentEnded extends DomainError {
  constructor(status: string) {
    super(PARENT_ENDED, `The parent is ${status} already.`, ['input', 'parentId'])
  }
}

/** A child that shall be retried. */
export class TaskParentEnded extends DomainError {
  constructor(parentId: string, status: string) {
    const how = status === 'FAILED' ? 'FAILED' : `was ${status}`
    super(PARENT_ENDED, `It belongs to Task:${parentId}, which ${how}; retry that first, or both together with taskRetryMany.`, ['input', 'id'])
  }
}

/** What it is to depend on, or to belong to, was to be made by the same call, and is not. */
export class TaskSkipped extends DomainError {
  constructor(id: string, index: number, path: string[]) {
    super(TASK_SKIPPED, `Task:${id}, which is tasks.${index}, is not made.`, ['input', ...path])
  }
}

export class TaskNotFinal extends DomainError {
  constructor(status: string) {
    super(TASK_NOT_FINAL, `The task is ${status}; this can be done only once it has ended.`, ['input', 'id'])
  }
}

export class UnknownTaskType extends DomainError {
  constructor(type: string, known: readonly string[], path: string[] = ['input', 'type']) {
    const names = `${known.slice(0, 20).join(', ')}${known.length > 20 ? ', …' : ''}`
    super(UNKNOWN_TASK_TYPE, `There is no task type "${type.slice(0, 100)}". Known: ${names || 'none'}.`, path)
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
