/** What whoever sets up providers can meet. */
import { BadUserInput, DomainError, errorCode } from '../core/errors.ts'
import { registerConstraint } from '../db/constraints.ts'
import { MAX_PROVIDERS } from './model-provider.ts'

const PROVIDER_NAME_TAKEN = errorCode('PROVIDER_NAME_TAKEN', 'Another model provider has this name.')
const PROVIDER_LIMIT_REACHED = errorCode('PROVIDER_LIMIT_REACHED', `There are at most ${MAX_PROVIDERS} model providers; delete one first.`)
const PROVIDER_FROM_ENVIRONMENT = errorCode(
  'PROVIDER_FROM_ENVIRONMENT',
  'The model provider is set up by the environment of the servers, and is changed there. Only whether it is enabled, its priority, its limits and its prices are set over the API.',
)

const MODEL_NAME_TAKEN = errorCode('MODEL_NAME_TAKEN', 'The provider has a model of this name already.')
const MODEL_LIMIT_REACHED = errorCode('MODEL_LIMIT_REACHED', 'The provider has as many models as it may have; delete one first.')
const MODEL_LISTED = errorCode('MODEL_LISTED', 'The provider lists the model, so it would only come back; set `enabled` to false instead.')

export class ProviderNameTaken extends DomainError {
  constructor() {
    super(PROVIDER_NAME_TAKEN, 'Another model provider has this name already.', ['input', 'name'])
  }
}

export class ProviderLimitReached extends DomainError {
  constructor() {
    super(PROVIDER_LIMIT_REACHED, `There are ${MAX_PROVIDERS} model providers already, as many as there may be; delete one first.`)
  }
}

export class ProviderFromEnvironment extends DomainError {
  constructor(field: string) {
    super(PROVIDER_FROM_ENVIRONMENT, 'This provider is set up by the environment of the servers; change it there.', ['input', field])
  }
}

export class ModelNameTaken extends DomainError {
  constructor() {
    super(MODEL_NAME_TAKEN, 'The provider has a model of this name already.', ['input', 'name'])
  }
}

export class ModelLimitReached extends DomainError {
  constructor(most: number) {
    super(MODEL_LIMIT_REACHED, `The provider has ${most} models already, as many as there may be; delete one first.`, ['input', 'providerId'])
  }
}

export class ModelListed extends DomainError {
  constructor() {
    super(MODEL_LISTED, 'The provider lists this model, so it would only come back; set `enabled` to false instead.', ['input', 'id'])
  }
}

/** A key is given for one place. Sent to another with the next call, whoever may change the address could read it there. */
export class KeyForOtherPlace extends BadUserInput {
  constructor() {
    super('The kept key was given for another address: give the key for this one too, or null for none.', ['input', 'apiKey'])
  }
}

registerConstraint({ model: 'ModelProvider', fields: ['name'] }, () => new ProviderNameTaken())
