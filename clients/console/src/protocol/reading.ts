/** Reads a text frame of the server: strict in what must be there, blind to what this version does not know. */
import { Malformed } from "./malformed";
import { PARTS, SHAPES, type Members, type ServerMessage, type Shape } from "./messages";
import { isBase64 } from "./octets";

/** undefined: a type of message that this version does not know, which a client ignores. Throws Malformed. */
export function readMessage(frame: string): ServerMessage | undefined {
  const message = parsed(frame);
  if (!isObject(message) || typeof message["type"] !== "string") throw new Malformed("the message has no type");
  const type = message["type"];
  if (!Object.hasOwn(SHAPES, type)) return undefined;
  checkMembers(message, SHAPES[type as keyof typeof SHAPES], type);
  return message as unknown as ServerMessage;
}

function parsed(frame: string): unknown {
  try {
    return JSON.parse(frame);
  } catch {
    throw new Malformed("the frame is no JSON");
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function checkMembers(value: unknown, members: Members, where: string): void {
  if (!isObject(value)) throw new Malformed(`${where} is no object`);
  for (const [name, shape] of Object.entries(members)) {
    const optional = name.endsWith("?");
    const member = optional ? name.slice(0, -1) : name;
    if (!Object.hasOwn(value, member)) {
      if (!optional) throw new Malformed(`${where}.${member} is missing`);
    } else if (!fits(value[member], shape, `${where}.${member}`)) {
      throw new Malformed(`${where}.${member} is of another kind`);
    }
  }
}

function fits(value: unknown, shape: Shape, where: string): boolean {
  if (typeof shape === "string") return fitsWord(value, shape, where);
  if ("oneOf" in shape) return typeof value === "string" && shape.oneOf.includes(value);
  if ("anyOf" in shape) return shape.anyOf.some((choice) => isFitting(value, choice, where));
  const [kind, item] = shape;
  if (kind === "list") return Array.isArray(value) && value.every((each) => fits(each, item, where));
  return isObject(value) && Object.values(value).every((each) => fits(each, item, where));
}

function fitsWord(value: unknown, word: string, where: string): boolean {
  switch (word) {
    case "string":
    case "boolean":
    case "number":
      return typeof value === word;
    case "integer":
      return Number.isInteger(value);
    case "base64":
      return typeof value === "string" && isBase64(value);
    default:
      checkMembers(value, PARTS[word.slice(1, -1)]!, where);
      return true;
  }
}

function isFitting(value: unknown, shape: Shape, where: string): boolean {
  try {
    return fits(value, shape, where);
  } catch (error) {
    if (error instanceof Malformed) return false;
    throw error;
  }
}
