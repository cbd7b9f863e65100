package dev.penstock.injection;

import java.util.ArrayList;
import java.util.List;

import io.pebbletemplates.pebble.error.ParserException;
import io.pebbletemplates.pebble.lexer.Token;
import io.pebbletemplates.pebble.lexer.TokenStream;
import io.pebbletemplates.pebble.node.BodyNode;
import io.pebbletemplates.pebble.node.IfNode;
import io.pebbletemplates.pebble.node.RenderableNode;
import io.pebbletemplates.pebble.node.expression.Expression;
import io.pebbletemplates.pebble.parser.Parser;
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
            branches.add(new Pair<>(condition, parser
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

    private static boolean isNamed(TokenStream stream, String name) {
        return stream.current().test(Token.Type.NAME, name);
    }

    @SuppressWarnings("NullAway") // Pebble takes null for no else
    private static IfNode node(int line, List<Pair<Expression<?>, BodyNode>> branches, @Nullable BodyNode otherwise) {
        return new IfNode(line, branches, otherwise);
    }
}
