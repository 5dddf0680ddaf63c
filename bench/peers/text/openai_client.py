"""Runs the public `openai` client against a running `strata-gov serve`, and checks what it gets.

Usage: python openai_client.py URL [--key KEY] [--question TEXT] [--as-of DATE]
URL is the server's address, such as http://127.0.0.1:8080; `pip install openai` is all it needs. Checks models, chat in one
piece and streamed, the parameters common clients send, embeddings (the client asks for base64 by itself) and errors.
Prints one line a check and exits 1 where one fails.
"""
import argparse
import sys

import openai


class Checks:
    """Counts what holds."""

    def __init__(self):
        self.failed = 0

    def that(self, what, holds, seen=""):
        print(f"{'ok  ' if holds else 'FAIL'} {what}{f': {seen}' if seen != '' else ''}")
        self.failed += not holds


def models(client, checks):
    names = [model.id for model in client.models.list()]
    checks.that("models.list", "policy-qa" in names, ", ".join(names))
    return names


def whole(client, checks, question, extra):
    reply = client.chat.completions.create(
        model="policy-qa", messages=[{"role": "user", "content": question}], temperature=0.2, top_p=0.9, max_tokens=512,
        n=1, user="clerk", seed=7, extra_body=extra)
    message = reply.choices[0].message
    checks.that("chat.completions, whole", bool(message.content), message.content)
    checks.that("finish_reason", reply.choices[0].finish_reason == "stop")
    checks.that("usage adds up", reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens,
                reply.usage.total_tokens)
    citations = reply.model_extra["citations"]
    refused = reply.model_extra["refused"]
    checks.that("citations beside an answer", refused != bool(citations), f"{len(citations)} citations, refused {refused}")
    annotations = message.annotations or []
    checks.that("annotations are the client's type", len(annotations) == len(citations) and all(
        isinstance(one, openai.types.chat.chat_completion_message.Annotation) for one in annotations))
    for one, citation in zip(annotations, citations):
        place = one.url_citation
        mark = message.content[place.start_index:place.end_index]
        checks.that("a mark is where its annotation says", mark.startswith("[") and mark.endswith("]"), f"{mark} {place.url}")
        checks.that("a quote stands in the answer", citation["quote"] in message.content)
    return message.content


def streamed(client, checks, question, extra, expected):
    chunks = list(client.chat.completions.create(
        model="policy-qa", messages=[{"role": "system", "content": "Answer in one word."}, {"role": "user", "content": question}],
        stream=True, stream_options={"include_usage": True}, extra_body=extra))
    said = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    checks.that("chat.completions, streamed", said == expected, f"{len(chunks)} chunks, {len(said)} characters")
    ends = [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]
    checks.that("one end", ends == ["stop"], ends)
    cited = [at for at, chunk in enumerate(chunks) if "citations" in (chunk.model_extra or {})]
    checks.that("citations come once, before [DONE]", len(cited) == 1, cited)
    checks.that("usage comes last", chunks[-1].usage is not None and not chunks[-1].choices, chunks[-1].usage)
    with client.chat.completions.with_streaming_response.create(
            model="policy-qa", messages=[{"role": "user", "content": question}], stream=True, extra_body=extra) as raw:
        kind = raw.headers["content-type"]
        lines = [line for line in raw.iter_lines() if line]
    checks.that("the stream's own form", kind.startswith("text/event-stream") and lines[-1] == "data: [DONE]", kind)


def dot(one, other):
    return sum(x * y for x, y in zip(one, other))


def vectors(client, checks, model):
    texts = ["路边停车收费标准", "养犬登记", "停车要交多少钱"]
    coded = client.embeddings.create(model=model, input=texts)
    plain = client.embeddings.create(model=model, input=texts, encoding_format="float")
    first, second = ([one.embedding for one in reply.data] for reply in (coded, plain))
    apart = max(abs(a - b) for one, other in zip(first, second) for a, b in zip(one, other))
    checks.that("embeddings, base64 as floats", apart < 1e-7, f"{len(first[0])} numbers, {apart:.1e} apart")
    checks.that("like is nearer than unlike", dot(first[0], first[2]) > dot(first[0], first[1]),
                f"{dot(first[0], first[2]):.3f} and {dot(first[0], first[1]):.3f}")
    checks.that("length 1", all(abs(dot(one, one) - 1) < 1e-3 for one in first))


def errors(client, checks):
    try:
        client.chat.completions.create(model="policy-qa", messages=[])
        checks.that("no message is an error", False)
    except openai.UnprocessableEntityError as error:
        checks.that("no message is an error", True, error.status_code)
    try:
        client.embeddings.create(model="policy-qa", input=[[1, 2, 3]])
        checks.that("tokens in place of texts are an error", False)
    except openai.UnprocessableEntityError as error:
        checks.that("tokens in place of texts are an error", True, error.status_code)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--key", default="none")
    parser.add_argument("--question", default="《中华人民共和国劳动合同法》第十九条怎么规定试用期？")
    parser.add_argument("--as-of", default="2025-06-01")
    arguments = parser.parse_args()
    client = openai.OpenAI(base_url=arguments.url.rstrip("/") + "/v1", api_key=arguments.key, max_retries=0)
    checks, extra = Checks(), {"as_of": arguments.as_of}
    names = models(client, checks)
    content = whole(client, checks, arguments.question, extra)
    streamed(client, checks, arguments.question, extra, content)
    embedders = [name for name in names if name.startswith("gov-retriever")]
    if embedders:
        vectors(client, checks, embedders[0])
    errors(client, checks)
    print(f"openai {openai.__version__}: {checks.failed} checks failed")
    sys.exit(checks.failed > 0)


if __name__ == "__main__":
    main()
