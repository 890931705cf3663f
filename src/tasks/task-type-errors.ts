/** What those who register and ask for task types can meet. */
import { DomainError, errorCode } from '../core/errors.ts'

const TASK_TYPE_BUILT_IN = errorCode('TASK_TYPE_BUILT_IN', 'The server has a task type of this name itself.')
const TASK_TYPE_LIMIT = errorCode('TASK_TYPE_LIMIT', 'You have as many task types as one may have, or as long schemas.')

export class TaskTypeBuiltIn extends DomainError {
  constructor(message: string, path: string[]) {
    super(TASK_TYPE_BUILT_IN, message, path)
  }
}

export class TaskTypeLimit extends DomainError {
  constructor(limit: string) {
    super(TASK_TYPE_LIMIT, `You may have at most ${limit}; remove some with taskTypeRemove.`, ['input', 'name'])
  }
}
