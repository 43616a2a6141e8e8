/** Faults: what happened, and what to do. */
export const errors = {
  "error.internal":
    "The server could not do this. Try again in a moment; if it happens again, tell your administrator.",
  "error.auth.disabled": "A dispatcher has disabled this device. Ask your control room to enable it again.",
  "error.auth.failed": "That did not match. Check what you typed and try again.",
  "error.auth.forbidden": "Your role does not permit this. Ask a manager of your organisation if you need it.",
  "error.auth.required": "You are not logged in any more. Log in again to go on.",
  "error.auth.wiped": "Your organisation has wiped this device. Its keys are deleted; ask for a new enrolment code.",
  "error.auth.throttled": "Too many attempts. Wait {wait}, then try again.",
  "error.busy": "The server is busy just now. It can be tried again in {wait}.",
  "error.already_exists": "This name is taken already. Choose another one.",
  "error.call.offline": "Nobody you called is online. Send a call alert: it asks them to call back.",
  "error.call.busy": "The person is in another call. Try later, or send a call alert.",
  "error.call.in_a_call": "You are in a call already. End it first.",
  "error.call.unavailable": "The call could not be set up. Try later, or send a call alert.",
  "error.enrolment.failed":
    "This code is used, expired or mistyped. Ask your organisation for a new one; each code works once.",
  "error.erasure.unfinished":
    "The server's disk is full, or fails. The erasure is on record, and is carried out by itself as soon as the database can be written. Do not repeat it.",
  "error.invalid_value": "The server did not accept this. Check what you entered and try again.",
  "error.not_found": "This does not exist any more, or is not yours to see. The list has been read again.",
  "error.policy.forbids": "Your organisation has switched this off.",
  "error.policy.missing": "Your organisation has no privacy policy in force, so nothing is served. Tell your manager.",
  "error.protocol.version": "This page is older than the server. Reload it.",
  "error.store.unavailable": "The server's database cannot be used just now; voice goes on. Try this again later.",
  "error.microphone.denied":
    "The browser does not let this page use the microphone. Allow it at the lock in the address bar, then press again. You still hear everything.",
  "error.microphone.absent": "No microphone was found. Plug one in, then press again. You still hear everything.",
  "error.microphone.busy":
    "Another program holds the microphone. Close it, then press again. You still hear everything.",
  "error.microphone.unsupported":
    "This browser cannot encode voice. Use a current Chrome, Edge or Firefox to talk; listening may work here.",
  "error.page.second_tab": "The radio is open in another tab of this browser. Go on there, or take it over here.",
  "error.page.key_changed":
    "The key of somebody's radio is another one than before, so nothing was sent. Ask the person before you write again.",
  "error.page.logged_out": "A dispatcher has logged this radio out. Log in to go on.",
  "error.page.no_code":
    "That is no enrolment code. Type its sixteen letters and digits, or paste the whole text or link.",
  "error.page.nobody_reachable": "Nobody of these has a radio that can take messages yet.",
  "error.page.other_server": "This code is for another server. Open {address} and use it there.",
  "error.page.revoked":
    "Your organisation has taken this radio out of service. Ask for a new enrolment code if you need it again.",
  "error.page.superseded.by":
    "You logged in on “{device}” at {time}, so this one was logged out. Take over here to go on.",
  "error.page.superseded": "You logged in on another device, so this one was logged out. Take over here to go on.",
  "error.page.offline":
    "No connection to the server. It is tried again by itself; what you hear and send waits until then.",
  "error.page.unreachable": "The server does not answer. Check the network; the page goes on trying.",
  "error.page.storage_full":
    "The disk space of this browser is full. Export and delete old recordings; nothing recorded so far is lost.",
  "error.page.storage_refused":
    "The browser keeps nothing for this page. Leave the private window, or allow storage for this site.",
  "error.page.insecure": "The page was not loaded by https, so keys and microphone are out of reach. Open it by https.",
  "error.page.too_old": "This browser lacks what the radio needs. Use a current Chrome, Edge, Firefox or Safari.",
  "error.page.camera": "The camera cannot be used. Open the enrolment link on this phone, or type the code.",
  "error.page.not_located": "The device did not tell its position. Call the person, or try again later.",
  "error.page.changed_on_the_way":
    "The file is not what was sent: it was changed on the way. Do not use it; ask the sender.",
  "error.page.passkey": "The passkey was not used. Try again, or choose the code of your authenticator app.",
} as const;
