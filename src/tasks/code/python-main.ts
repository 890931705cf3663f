/**
 * Runs in the interpreter instead of the snippet, and runs the snippet: as a main program whose last expression is kept, as at a
 * Python prompt.
 */
export const PYTHON_MAIN = `
import ast, json, linecache, os, sys, traceback
job = json.load(sys.stdin)
name, code = job['name'], job['code']
os.chdir('/tmp')
scope = {'__name__': '__main__', '__builtins__': __builtins__}
if 'input' in job: scope['input'] = job['input']
linecache.cache[name] = (len(code), None, code.splitlines(True), name)
def tell(end, file=os.open('/run/end.json', os.O_WRONLY), write=os.write, dumps=json.dumps): write(file, dumps(end).encode())
def main(scope, code=code, dumps=json.dumps, print_exception=traceback.print_exception):
    try:
        tree = compile(code, name, 'exec', ast.PyCF_ONLY_AST)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, name, 'exec'), scope)
        value = eval(compile(ast.Expression(last.value), name, 'eval'), scope) if last else None
        if value is not None:
            try: tell({'json': dumps(value, allow_nan=False, ensure_ascii=False)})
            except (TypeError, ValueError, RecursionError) as error: tell({'omitted': f'{type(error).__name__}: {error}'})
        return 0
    except SystemExit: raise
    except BaseException as error:
        # One that says something is not about memory, but of the parser.
        if isinstance(error, MemoryError) and not error.args:
            scope.clear()
            error.__traceback__ = None
            tell({'memory': True})
        else:
            # Without the lines of this file.
            error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
            print_exception(error)
        return 1
status = main(scope)
try: sys.stdout.flush()
except Exception: pass
sys.exit(status)
`
