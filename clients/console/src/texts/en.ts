/** All texts in English. */
import { account } from "./en/account";
import { alerts } from "./en/alerts";
import { desk } from "./en/desk";
import { duty } from "./en/duty";
import { errors } from "./en/errors";
import { look } from "./en/look";
import { map } from "./en/map";
import { people } from "./en/people";
import { phone } from "./en/phone";
import { recordings } from "./en/recordings";
import { talk } from "./en/talk";

export const en = {
  ...look,
  ...talk,
  ...people,
  ...desk,
  ...duty,
  ...alerts,
  ...account,
  ...map,
  ...recordings,
  ...phone,
  ...errors,
};
