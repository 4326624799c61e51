-- Until the transaction ends: no statement is compiled, which takes many times what these statements do.
set local jit = off;
