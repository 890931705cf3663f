/** What a producer or follower of a stream can meet. */
import { DomainError, errorCode } from '../core/errors.ts'

const STREAM_NOT_OPEN = errorCode('STREAM_NOT_OPEN', 'The stream has ended; nothing can be added to it.')
const PRODUCER_STALE = errorCode('PRODUCER_STALE', 'The producer token is not the one this stream is written with.')
const STREAM_SEQ_MISMATCH = errorCode('STREAM_SEQ_MISMATCH', 'afterSeq is not the last seq of the stream: something was appended already, or is missing.')

const STREAM_EXPIRED = errorCode('STREAM_EXPIRED', 'What the stream said was removed by age.')

export class StreamExpired extends DomainError {
  constructor() {
    super(STREAM_EXPIRED, 'What this stream said was removed by age; its status and its figures are kept.')
  }
}

export class StreamNotOpen extends DomainError {
  constructor(status: string) {
    super(STREAM_NOT_OPEN, `The stream is ${status}; nothing can be added to it.`, ['input', 'id'])
  }
}

export class ProducerStale extends DomainError {
  constructor() {
    super(PRODUCER_STALE, 'This producer token is not the one this stream is written with.', ['input', 'producerToken'])
  }
}

export class StreamSeqMismatch extends DomainError {
  constructor(
    readonly lastSeq: number,
    afterSeq: number,
  ) {
    super(STREAM_SEQ_MISMATCH, `The stream's last seq is ${lastSeq}, not ${afterSeq}.`, ['input', 'afterSeq'])
  }
}
