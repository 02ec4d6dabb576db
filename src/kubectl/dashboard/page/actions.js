// Buttons that change traffic: what would change is planned and shown first, and done once somebody confirms just that.

const KEY = "flotilla-token";
const address = new URL(location.href);
const given = address.searchParams.get("token");
// The address bar is seen by others, and stays in histories.
if (given !== null) {
  sessionStorage.setItem(KEY, given);
  address.searchParams.delete("token");
  history.replaceState(null, "", address);
}

/** What the server knows us by. */
export const token = given ?? sessionStorage.getItem(KEY) ?? "";

const find = (id) => document.querySelector(`#dialog${id}`);
const dialog = find("");
let pending;

find("-cancel").addEventListener("click", () => dialog.close());
find("-confirm").addEventListener("click", confirm);

/** A button for a change of a contract's traffic. */
export function offer({ verb, status, revision }, text) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = text;
  button.dataset.act = `${verb} ${revision ?? ""}`;
  button.setAttribute("aria-label", `${text.replace("…", "")} ${revision ?? status.contract}`);
  button.addEventListener("click", () =>
    plan({ verb, contract: status.contract, namespace: status.namespace, revision }),
  );
  return button;
}

async function plan(request) {
  const { verb, contract, revision } = request;
  find("-title").textContent =
    verb === "promote" ? `Give ${revision} all calls of ${contract}?` : `Roll ${contract} back?`;
  find("-changes").replaceChildren();
  find("-notes").textContent = "";
  find("-problem").textContent = "";
  find("-why").value = "";
  find("-confirm").disabled = true;
  dialog.showModal();
  try {
    const planned = await act({ ...request, dryRun: true });
    const lines = planned.changes.map(({ what, before, after }) => {
      const item = document.createElement("li");
      item.textContent = `${what}: ${before} → ${after}`;
      return item;
    });
    find("-changes").replaceChildren(...lines);
    find("-notes").textContent = [...planned.notes, planned.changes.length === 0 ? "Nothing would change." : ""].join(
      " ",
    );
    find("-confirm").disabled = planned.changes.length === 0;
    pending = { ...request, expected: JSON.stringify(planned.changes) };
  } catch (error) {
    find("-problem").textContent = error.message;
  }
}

async function confirm() {
  find("-confirm").disabled = true;
  try {
    await act({ ...pending, why: find("-why").value, dryRun: false });
    dialog.close();
  } catch (error) {
    find("-problem").textContent = error.message;
  }
}

async function act(request) {
  const response = await fetch("/api/act", {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify(request),
  });
  const body = await response.json();
  if (!response.ok) throw new Error(body.error);
  return body;
}
