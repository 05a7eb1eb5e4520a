"""The descriptions hold together: their examples are as their schemas say, and generators find what they need."""

import unittest

import jsonschema_rs
from document import DOCUMENTS, Document


class Descriptions(unittest.TestCase):
    def setUp(self):
        self.documents = {source.stem: Document.read(served) for source, served in DOCUMENTS.items()}

    def operations(self):
        for name, document in self.documents.items():
            for _, _, operation in document.operations():
                yield name, document, operation

    def test_each_example_is_as_its_schema_says(self):
        count = 0
        for name, document, operation in self.operations():
            bodies = [operation.get("requestBody", {}), *document.responses(operation).values()]
            for media in (media for body in bodies for media in body.get("content", {}).values()):
                for title, example in media.get("examples", {}).items():
                    count += 1
                    with self.subTest(f"{name} {operation['operationId']} {title}"):
                        validator = jsonschema_rs.validator_for(document.schema(media["schema"]), validate_formats=True)
                        self.assertEqual([error.message for error in validator.iter_errors(example["value"])], [])
        self.assertGreater(count, 50)

    def test_each_operation_with_a_json_body_has_an_example_of_it(self):
        for name, _, operation in self.operations():
            body = operation.get("requestBody", {})
            if body.get("required") and "application/json" in body["content"]:
                with self.subTest(f"{name} {operation['operationId']}"):
                    media = body["content"].values()
                    self.assertTrue(any(it.get("examples") for it in media))

    def test_each_operation_has_a_summary_and_a_known_tag(self):
        for name, document, operation in self.operations():
            with self.subTest(f"{name} {operation['operationId']}"):
                self.assertTrue(operation["summary"])
                self.assertIn(operation["tags"][0], [tag["name"] for tag in document.tree["tags"]])

    def test_each_answer_of_an_object_says_which_members_it_can_have(self):
        # But for contacts, which are open by their profiles, profiles' settings, and descriptions themselves.
        open_objects = {"Contact", "Item", "Form", "DoNotContact", "TokenRequest"}
        for name, document in self.documents.items():
            for title, schema in document.tree["components"]["schemas"].items():
                if schema.get("type") == "object" and title not in open_objects:
                    with self.subTest(f"{name} {title}"):
                        self.assertIn("additionalProperties", schema)
                        self.assertIsNot(schema["additionalProperties"], True)


if __name__ == "__main__":
    unittest.main()
