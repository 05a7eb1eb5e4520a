// Lets a file be dropped onto the form, and keeps a form from being sent twice.

const form = document.querySelector("[data-upload]");
const input = form.querySelector("input[type=file]");
const button = form.querySelector("button");

for (const type of ["dragenter", "dragover"]) {
  form.addEventListener(type, (event) => {
    event.preventDefault();
    form.toggleAttribute("data-over", true);
  });
}
for (const type of ["dragleave", "drop"]) {
  form.addEventListener(type, () => form.toggleAttribute("data-over", false));
}
form.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length === 1) {
    input.files = event.dataTransfer.files;
    form.requestSubmit();
  }
});
form.addEventListener("submit", () => {
  button.disabled = true;
  button.textContent = "Sending…";
});
// Somebody who comes back finds the form as it was.
window.addEventListener("pageshow", () => {
  button.disabled = false;
  button.textContent = "Continue";
});
