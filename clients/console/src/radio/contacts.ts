/** The personal contact list: nobody but its owner can read it. Rejects with Refused (`not_found`, `policy.forbids`). */
import type { Contact } from "../protocol/messages";
import { Service } from "./service";

export class Contacts extends Service<never> {
  async list(): Promise<readonly Contact[]> {
    return (await this.ask("contact.list", {})).contacts;
  }

  /** Adds or renames. */
  async put(subscriber: string, alias: string): Promise<void> {
    await this.ask("contact.put", { subscriber, alias });
  }

  async remove(subscriber: string): Promise<void> {
    await this.ask("contact.remove", { subscriber });
  }
}
