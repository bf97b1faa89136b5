/** Failures in words: what it means for whoever asked, and what to do next. */

const OF_TASK = {
  content_policy_violation: [
    "It was refused for what it shows.",
    "Change the prompt or the picture and make it again. The provider's filter decides, and the same words meet the same answer.",
  ],
  invalid_request: [
    "The provider could not work with what was sent.",
    "Look at its reason below, change that one thing, and make it again.",
  ],
  provider_error: [
    "The provider failed.",
    "Make it again, or with another model. If this goes on, tell whoever runs this server: it may need their account or credential.",
  ],
  rate_limited: [
    "The provider takes no more at the moment.",
    "Wait some minutes and make it again, or choose another model.",
  ],
  timed_out: [
    "It took longer than it may.",
    "Make it again: shorter or smaller films are ready sooner.",
  ],
  submit_in_doubt: [
    "Nobody knows whether the provider took it.",
    "It was not sent again, so that it is not paid for twice. Ask whoever runs this server before you make it again: the film may still turn up.",
  ],
  canceled: [
    "It was canceled.",
    "Nothing more happens to it. Make it again from the same form whenever you like.",
  ],
  expired: [
    "It waited too long and was never started.",
    "It cost nothing. Make it again when there is less to do, or let it wait longer.",
  ],
  server_error: [
    "This server failed.",
    "Make it again. If it fails again, its log has the reason under the id of the film.",
  ],
};

/** Return why a task ended without a film, in a headline and an advice; `code` of the videos dialect. */
export function adviceOf(code) {
  const [headline, next] = OF_TASK[code] ?? [
    "It ended without a film.",
    "Read the reason, and make it again.",
  ];
  return { headline, next };
}

const OF_REFUSAL = {
  insufficient_quota:
    "The account has too little left for this film. Make a shorter or smaller one, or have its budget raised.",
  too_many_active_tasks: "Wait until one of your films is finished, or cancel one.",
  rate_limit_exceeded: "Wait a moment, then press again.",
  overloaded: "Nothing was accepted. Press again in a moment.",
  model_not_allowed: "Choose another model: this key is limited to some.",
  model_not_found: "Choose another model: this one has no route here.",
  scope_missing: "Sign in with a key that has the scope generate.",
  request_too_large: "Use smaller files, or give an address instead of a file.",
  idempotency_key_reused:
    "This press was already accepted with other values. Press again: the next press has a key of its own.",
};

/** Return what to do after a refusal, or "". */
export const nextStep = (refused) => OF_REFUSAL[refused?.code] ?? "";

/**
 * Whether it stays open if anything was accepted: then the same key is to be used again.
 *
 * Only a refusal in this server's own words is certain; what a proxy says, or a cut, is not.
 */
export function isUnanswered(refused) {
  const isOurs = Boolean(refused.code) && !/^(http_|unreachable)/.test(refused.code);
  const isNo = (refused.status >= 400 && refused.status < 500) || refused.status === 503;
  return !(isOurs && isNo);
}
