/** The second factors of an account, and passkeys as the browser makes and uses them (W3C Web Authentication). */

export type Factor = "totp" | "passkey";

/** The user gave up, the time was over, or there is no passkey for this page: browsers do not tell which. */
export class PasskeyNotUsed extends Error {
  override readonly name = "PasskeyNotUsed";
}

/** Whether this browser knows passkeys, in the form in which the server speaks of them. */
export function passkeysKnown(): boolean {
  return "PublicKeyCredential" in globalThis && "parseCreationOptionsFromJSON" in PublicKeyCredential;
}

/** What `activate/passkey` takes. Rejects with PasskeyNotUsed. */
export async function makePasskey(options: PublicKeyCredentialCreationOptionsJSON): Promise<object> {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  return told(await navigator.credentials.create({ publicKey }).catch(notUsed));
}

/** What `login/passkey` takes. Rejects with PasskeyNotUsed. */
export async function usePasskey(options: PublicKeyCredentialRequestOptionsJSON): Promise<object> {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return told(await navigator.credentials.get({ publicKey }).catch(notUsed));
}

function notUsed(error: unknown): null {
  if (error instanceof DOMException) return null;
  throw error;
}

function told(credential: Credential | null): object {
  if (!(credential instanceof PublicKeyCredential)) throw new PasskeyNotUsed();
  return credential.toJSON() as object;
}
