/** What the user of facts can meet. */
import { IdTaken, NotFound } from '../core/errors.ts'
import { registerConstraint } from '../db/constraints.ts'

registerConstraint({ model: 'Fact', fields: ['id'] }, () => new IdTaken('Fact'))
// Found when it was looked for, and gone when it was referred to.
registerConstraint({ model: 'Fact', kind: 'foreignKey', fields: ['taskId'] }, () => new NotFound('Task', ['input', 'taskId']))
registerConstraint({ model: 'Fact', kind: 'foreignKey', fields: ['messageId'] }, () => new NotFound('Message', ['input', 'messageId']))
