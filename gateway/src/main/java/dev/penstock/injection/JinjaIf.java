package dev.penstock.injection;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;

import io.pebbletemplates.pebble.error.ParserException;
import io.pebbletemplates.pebble.extension.NodeVisitor;
import io.pebbletemplates.pebble.lexer.Token;
import io.pebbletemplates.pebble.lexer.TokenStream;
import io.pebbletemplates.pebble.node.BodyNode;
import io.pebbletemplates.pebble.node.IfNode;
import io.pebbletemplates.pebble.node.RenderableNode;
import io.pebbletemplates.pebble.node.expression.Expression;
import io.pebbletemplates.pebble.parser.Parser;
import io.pebbletemplates.pebble.template.EvaluationContextImpl;
import io.pebbletemplates.pebble.template.PebbleTemplateImpl;
import io.pebbletemplates.pebble.tokenParser.TokenParser;
import io.pebbletemplates.pebble.utils.Pair;
import org.jspecify.annotations.Nullable;

/** The if tag, in which {@code elif} is Jinja's word for Pebble's {@code elseif}. Stateless. */
final class JinjaIf implements TokenParser {
    @Override
    public String getTag() {
        return "if";
    }

    @Override
    public RenderableNode parse(Token token, Parser parser) {
        TokenStream stream = parser.getStream();
        List<Pair<Expression<?>, BodyNode>> branches = new ArrayList<>();
        BodyNode otherwise = null;
        do { // at if, elif or elseif
            stream.next();
            Expression<?> condition = parser.getExpressionParser().parseExpression();
            stream.expect(Token.Type.EXECUTE_END);
            branches.add(new Pair<>(new Truth(condition), parser
                    .subparse(end -> end.test(Token.Type.NAME, "elif", "elseif", "else", "endif"))));
        } while (isNamed(stream, "elif") || isNamed(stream, "elseif"));
        if (isNamed(stream, "else")) {
            stream.next();
            stream.expect(Token.Type.EXECUTE_END);
            otherwise = parser.subparse(end -> end.test(Token.Type.NAME, "endif"));
        }
        if (!isNamed(stream, "endif")) {
            throw new ParserException(null, "the if of line " + token.getLineNumber() + " has no endif",
                    stream.current().getLineNumber(), stream.getFilename());
        }
        stream.next();
        stream.expect(Token.Type.EXECUTE_END);
        return node(token.getLineNumber(), branches, otherwise);
    }

    /** A list or a map is true when there is something in it; the rest is Pebble's to judge, as Jinja would. */
    private record Truth(Expression<?> condition) implements Expression<Object> {
        @Override
        @SuppressWarnings("NullAway") // Pebble has null for what isn't there
        public Object evaluate(PebbleTemplateImpl self, EvaluationContextImpl context) {
            Object value = condition.evaluate(self, context);
            return switch (value) {
                case null -> null;
                case Collection<?> list -> !list.isEmpty();
                case Map<?, ?> map -> !map.isEmpty();
                default -> value;
            };
        }

        @Override
        public int getLineNumber() {
            return condition.getLineNumber();
        }

        @Override
        public void accept(NodeVisitor visitor) {
            visitor.visit(this);
        }
    }

    private static boolean isNamed(TokenStream stream, String name) {
        return stream.current().test(Token.Type.NAME, name);
    }

    @SuppressWarnings("NullAway") // Pebble takes null for no else
    private static IfNode node(int line, List<Pair<Expression<?>, BodyNode>> branches, @Nullable BodyNode otherwise) {
        return new IfNode(line, branches, otherwise);
    }
}
