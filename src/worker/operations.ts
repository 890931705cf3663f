/** What a worker asks the API. */

const ERRORS = 'userErrors { code message path }'

export const CLAIM = `mutation Claim($input: TaskClaimInput!) { taskClaim(input: $input) {
  claims { leaseToken leaseExpiresAt task { id type params attempt timeoutSeconds owner { id } } } ${ERRORS} } }`

export const HEARTBEATS = `mutation Heartbeats($input: TaskHeartbeatManyInput!) { taskHeartbeatMany(input: $input) {
  heartbeats { id cancelRequested reason } refused { index userErrors { code message } } ${ERRORS} } }`

export const COMPLETE = `mutation Complete($input: TaskCompleteInput!) { taskComplete(input: $input) { ${ERRORS} } }`
export const FAIL = `mutation Fail($input: TaskFailInput!) { taskFail(input: $input) { task { status } ${ERRORS} } }`
export const RELEASE = `mutation Release($input: TaskReleaseInput!) { taskRelease(input: $input) { ${ERRORS} } }`
export const WAIT = `mutation Wait($input: TaskWaitInput!) { taskWait(input: $input) { ${ERRORS} } }`
export const CHILD = `mutation Child($input: TaskChildCreateInput!) { taskChildCreate(input: $input) { task { id } ${ERRORS} } }`

export const OPEN_STREAM = `mutation OpenStream($input: StreamOpenInput!) { streamOpen(input: $input) { stream { id } producerToken ${ERRORS} } }`
export const APPEND = `mutation Append($input: StreamAppendInput!) { streamAppend(input: $input) {
  userErrors { code message path ... on StreamSeqMismatchError { lastSeq } } } }`

/** A page of the tasks around the one that is held: its answer comes with a heartbeat, which needs no further right. */
export const related = (field: 'dependsOn' | 'children') => `mutation Related($input: TaskHeartbeatInput!, $after: String) { taskHeartbeat(input: $input) {
  task { related: ${field}(first: 50, after: $after) { nodes { id type status result error } pageInfo { hasNextPage endCursor } } } ${ERRORS} } }`
