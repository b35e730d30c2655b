// The hub's kept conflicts over HTTP: what last write wins threw away, seen and brought back.
import { codeFromWord } from "./reject.js";
/** A request to the hub that failed. */
export class HttpError extends Error {
    name = "HttpError";
    /** The hub's refusal; none when there was no answer, or not one of a hub. */
    reject;
    constructor(text, reject) {
        super(text);
        this.reject = reject;
    }
}
/** Asks the hub at `address` with the token that `getToken` gives. */
export function createConflicts(environment, address, getToken, space) {
    const route = `${address.http}/hub/v1/spaces/${encodeURIComponent(space)}/conflicts`;
    const request = async (url, method) => {
        if (environment.fetch === undefined) {
            throw new HttpError("there is no fetch here; hand one in with the environment");
        }
        const headers = { authorization: `Bearer ${await getToken()}` };
        const response = await environment.fetch(url, { method, headers }).catch((error) => {
            throw new HttpError(`${url} cannot be reached: ${String(error)}`);
        });
        const body = await response.json().catch(() => undefined);
        if (!response.ok) {
            throw refusal(response.status, body);
        }
        return body;
    };
    return {
        list: async () => {
            const found = [];
            let after = "";
            while (after !== null) {
                const page = (await request(`${route}?limit=1000&after=${after}`, "GET"));
                found.push(...page.items);
                after = page.next;
            }
            return found;
        },
        restore: async (id) => {
            const answer = await request(`${route}/${encodeURIComponent(id)}/restore`, "POST");
            return answer.sequence;
        },
    };
}
function refusal(status, body) {
    const { code, text } = (body ?? {});
    if (typeof code !== "string" || typeof text !== "string") {
        return new HttpError(`the hub answered with status ${status}`);
    }
    const known = codeFromWord(code);
    return new HttpError(`${code}: ${text}`, { code: known, text, index: undefined });
}
