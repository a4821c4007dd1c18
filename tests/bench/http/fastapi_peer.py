"""The same contract as it is usually served: FastAPI, PyTorch, and Python's own JSON.

Only what the bench's requests need: POST /conv2d with input, weight, stride and padding, as JSON or as npz. Nothing is
spared that such a service has by itself, and nothing is slowed down: no model of the body that would validate each
number, no jsonable_encoder (a JSONResponse is returned), the dtype named so that torch.tensor need not look for one, no
gradients, PyTorch's own number of threads. The handler is a coroutine: for one request at a time that is faster than
FastAPI's threads.
"""

import io

import numpy
import torch
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

NPZ = "application/x-npz"

app = FastAPI()
torch.set_grad_enabled(False)


def convolve(tensor, weight, parameters):
    return torch.nn.functional.conv2d(tensor, weight, stride=int(parameters.get("stride", 1)),
                                      padding=int(parameters.get("padding", 0)))


async def conv2d_npz(request):
    with numpy.load(io.BytesIO(await request.body())) as members:
        tensor, weight = (torch.from_numpy(members[name]) for name in ("input", "weight"))
    answer = io.BytesIO()
    numpy.savez(answer, output=convolve(tensor, weight, request.query_params).numpy())
    return Response(answer.getvalue(), media_type=NPZ)


async def conv2d_json(request):
    document = await request.json()
    tensor, weight = (torch.tensor(document[name], dtype=torch.float32) for name in ("input", "weight"))
    output = convolve(tensor, weight, document)
    return JSONResponse({"output": output.tolist(), "shape": list(output.shape), "dtype": "float32"})


@app.post("/conv2d")
async def conv2d(request: Request):
    if request.headers["content-type"] == NPZ:
        return await conv2d_npz(request)
    return await conv2d_json(request)
