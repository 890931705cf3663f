/** What the user of a conversation can meet. */
import { DomainError, errorCode, IdTaken } from '../core/errors.ts'
import { registerConstraint } from '../db/constraints.ts'

const CONVERSATION_BUSY = errorCode('CONVERSATION_BUSY', 'An answer of this conversation is still being written, or too many wait.')

export class ConversationBusy extends DomainError {
  constructor(message = 'An answer is still being written; wait for its end, or send with whenBusy: QUEUE or INTERRUPT.') {
    super(CONVERSATION_BUSY, message, ['input', 'whenBusy'])
  }
}

registerConstraint({ model: 'Conversation', fields: ['id'] }, () => new IdTaken('Conversation'))
registerConstraint({ model: 'Message', fields: ['id'] }, () => new IdTaken('Message'))
