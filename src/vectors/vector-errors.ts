import { DomainError, errorCode } from '../core/errors.ts'

const DIMENSION_MISMATCH = errorCode('DIMENSION_MISMATCH', 'Vectors of different lengths cannot be compared: the model answers another length than it did.')
const VECTOR_INVALID = errorCode('VECTOR_INVALID', 'The model answered something that is no vector.')

export class DimensionMismatch extends DomainError {
  constructor(
    model: string,
    readonly expected: number,
    readonly found: number,
  ) {
    super(DIMENSION_MISMATCH, `${model} answered a vector of ${found} dimensions; the vectors that are there have ${expected}.`)
  }
}

export class VectorInvalid extends DomainError {
  constructor(model: string, what: string) {
    super(VECTOR_INVALID, `${model} answered ${what}.`)
  }
}
