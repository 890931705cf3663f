/** What can be in the way of collections, documents and imports. */
import { DomainError, errorCode, IdTaken } from '../core/errors.ts'
import { registerConstraint } from '../db/constraints.ts'
import { MAX_COLLECTIONS } from './collection.ts'

const COLLECTION_NAME_TAKEN = errorCode('COLLECTION_NAME_TAKEN', 'Another collection of yours has this name.')
const COLLECTION_LIMIT_REACHED = errorCode('COLLECTION_LIMIT_REACHED', `An owner has at most ${MAX_COLLECTIONS} search collections; delete one first.`)
const COLLECTION_NOT_EMPTY = errorCode('COLLECTION_NOT_EMPTY', 'The language of a collection can be changed only while there are no documents in it.')
const DOCUMENT_EXISTS = errorCode('DOCUMENT_EXISTS', 'There is a document with this external id in the collection; upsert replaces it.')
const DOCUMENT_REPEATED = errorCode('DOCUMENT_REPEATED', 'Another document of the same batch has this id or external id.')
const IMPORT_REFUSED = errorCode('IMPORT_REFUSED', 'The import does not take this now: its parts come in order, until the last.')
const FILE_UNREADABLE = errorCode('FILE_UNREADABLE', 'The file is not what it is said to be.')

registerConstraint({ model: 'SearchCollection', fields: ['id'] }, () => new IdTaken('SearchCollection'))
registerConstraint({ model: 'SearchCollection', fields: ['ownerId', 'name'] }, () => new CollectionNameTaken())
registerConstraint({ model: 'SearchImport', fields: ['id'] }, () => new IdTaken('SearchImport'))

registerConstraint({ model: 'SearchDocument', fields: ['collectionId', 'externalId'] }, () => new DocumentExists())

export class CollectionNameTaken extends DomainError {
  constructor() {
    super(COLLECTION_NAME_TAKEN, 'Another collection of yours has this name.', ['input', 'name'])
  }
}

export class CollectionLimitReached extends DomainError {
  constructor() {
    super(COLLECTION_LIMIT_REACHED, `There are ${MAX_COLLECTIONS} collections already, as many as there may be; delete one first.`)
  }
}

export class CollectionNotEmpty extends DomainError {
  constructor() {
    super(COLLECTION_NOT_EMPTY, 'There are documents in it: its language stays. Make another collection.', ['input', 'language'])
  }
}

export class DocumentExists extends DomainError {
  constructor(readonly documentId?: string) {
    super(DOCUMENT_EXISTS, 'There is a document with this external id in the collection already.', ['input', 'externalId'])
  }
}

export class DocumentRepeated extends DomainError {
  constructor(first: number, field: 'id' | 'externalId') {
    super(DOCUMENT_REPEATED, `Document ${first} of the batch has this ${field === 'id' ? 'id' : 'external id'} too.`, ['input', field])
  }
}

export class ImportRefused extends DomainError {
  constructor(message: string, path: string[] | null = null) {
    super(IMPORT_REFUSED, message, path)
  }
}

export class FileUnreadable extends DomainError {
  constructor(message: string) {
    super(FILE_UNREADABLE, message)
  }
}
