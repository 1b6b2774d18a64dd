"""A program that makes webhooks and lets everything happen that they are told of; what it sees, it prints as JSON.

Before it changes who is told, it says "told?" and waits for a line: until then all was delivered.
"""

import json
import sys

from mlflow.entities.webhook import VALID_ENTITY_ACTIONS
from sklearn.linear_model import LogisticRegression

import mlflow

tracking, receiver = sys.argv[1:]
mlflow.set_tracking_uri(tracking)
client = mlflow.MlflowClient()
seen = {}
everything = [f"{entity}.{action}" for entity, actions in VALID_ENTITY_ACTIONS.items() for action in sorted(actions)]


def shown(hook):
    url = hook.url.replace(receiver, "<receiver>")
    return [hook.name, url, sorted(map(str, hook.events)), hook.description, str(hook.status), hook.secret]


client.create_registered_model("before")
told = client.create_webhook("told", f"{receiver}/told", everything, "all of it", "a s3cret, as one likes: ☃")
unsigned = client.create_webhook("unsigned", f"{receiver}/unsigned", ["registered_model.created"])
off = client.create_webhook("off", f"{receiver}/off", everything, status="DISABLED")
gone = client.create_webhook("gone", f"{receiver}/gone", everything)
tags_only = client.create_webhook("moved", f"{receiver}/elsewhere", ["prompt.created"], secret="first")
seen["made"] = [shown(each) for each in (told, unsigned, off, gone, tags_only)]
client.delete_webhook(gone.webhook_id)
moved = client.update_webhook(
    tags_only.webhook_id, name="tags", url=f"{receiver}/tags", events=["model_version_tag.set"], secret="second"
)
seen["moved"] = shown(moved)
seen["listed"] = [shown(each) for each in client.list_webhooks(max_results=2)]
seen["got"] = shown(client.get_webhook(told.webhook_id))

client.create_registered_model("shelf", tags={"team": "blue"}, description="what may serve")
client.create_registered_model("bare ☃")
with mlflow.start_run() as run:
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    logged = mlflow.sklearn.log_model(
        model, name="model", registered_model_name="iris", pip_requirements=["scikit-learn"]
    )
seen["ids"] = [run.info.run_id, logged.model_id]
client.copy_model_version("models:/iris/1", "shelf")
client.create_model_version("bare ☃", "s3://bucket/model", tags={"a": "b"}, description="a version")
client.set_model_version_tag("shelf", "1", "checked", "yes")
client.set_model_version_tag("shelf", "1", "empty", "")
client.delete_model_version_tag("shelf", "1", "checked")
client.set_registered_model_tag("shelf", "not", "told")
client.delete_registered_model_tag("shelf", "not")
client.set_registered_model_alias("shelf", "best", 1)
client.set_registered_model_alias("iris", "best", 1)
client.delete_registered_model_alias("shelf", "best")
client.update_registered_model("shelf", "not told")
client.transition_model_version_stage("shelf", 1, "Staging")
client.rename_registered_model("shelf", "shelves")
client.set_model_version_tag("shelves", "1", "after", "renaming")
client.delete_model_version("shelves", 1)
client.delete_registered_model("shelves")

mlflow.genai.register_prompt("greeting", "Hello {{name}}", commit_message="first", tags={"lang": "en"})
mlflow.genai.register_prompt("greeting", "Good day {{name}}")
mlflow.genai.register_prompt("chat", [{"role": "user", "content": "Hello {{name}}"}])
mlflow.genai.set_prompt_alias("greeting", "live", 1)
mlflow.genai.delete_prompt_alias("greeting", "live")
client.set_prompt_tag("greeting", "team", "red")
client.delete_prompt_tag("greeting", "team")
client.set_prompt_version_tag("greeting", 2, "checked", "yes")
client.delete_prompt_version_tag("greeting", 2, "checked")

print("told?", flush=True)
sys.stdin.readline()
client.update_webhook(off.webhook_id, status="ACTIVE")
client.update_webhook(told.webhook_id, status="DISABLED")
client.create_registered_model("last")
print("told?", flush=True)
sys.stdin.readline()
results = [client.test_webhook(told.webhook_id, event) for event in everything]
seen["tested"] = [[each.success, each.response_status, each.error_message] for each in results]
nowhere = client.update_webhook(unsigned.webhook_id, url=f"{receiver}/refused")
refused = client.test_webhook(nowhere.webhook_id)
seen["refused"] = [refused.success, refused.response_status]
print(json.dumps(seen))
