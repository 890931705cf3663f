/** What a budget can stand in the way of. A task, a stream and a message keep the words of an error alone: so these begin with the code. */
import { DomainError, errorCode } from '../core/errors.ts'
import { MAX_BUDGETS } from './budget.ts'

const BUDGET_EXCEEDED = errorCode('BUDGET_EXCEEDED', 'A budget has no room for this, or for more of it.')
const PRICE_UNKNOWN = errorCode('PRICE_UNKNOWN', 'A budget holds for this, and nobody knows what the model costs; an ADMIN can set its price.')
const BUDGET_LIMIT_REACHED = errorCode('BUDGET_LIMIT_REACHED', `An owner has at most ${MAX_BUDGETS} budgets; delete one first.`)

export class BudgetExceeded extends DomainError {
  constructor(
    /** The first that has no room. */
    readonly budgetId: string,
    /** What is spent and reserved of it. */
    readonly spentMicroUsd: number,
    name: string,
  ) {
    super(BUDGET_EXCEEDED, `BUDGET_EXCEEDED: The budget “${name}” has no room for more.`)
  }
}

export class PriceUnknown extends DomainError {
  constructor(provider: string, model: string) {
    super(PRICE_UNKNOWN, `PRICE_UNKNOWN: Nobody knows what ${provider}/${model} costs, and a budget holds for this call. An ADMIN can set the model’s price.`)
  }
}

export class BudgetLimitReached extends DomainError {
  constructor() {
    super(BUDGET_LIMIT_REACHED, `There are ${MAX_BUDGETS} budgets already, as many as there may be; delete one first.`)
  }
}
