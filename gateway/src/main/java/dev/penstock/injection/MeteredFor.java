package dev.penstock.injection;

import java.io.Writer;
import java.util.ArrayList;
import java.util.List;

import io.pebbletemplates.pebble.extension.NodeVisitor;
import io.pebbletemplates.pebble.lexer.Token;
import io.pebbletemplates.pebble.node.AbstractRenderableNode;
import io.pebbletemplates.pebble.node.BodyNode;
import io.pebbletemplates.pebble.node.ForNode;
import io.pebbletemplates.pebble.node.RenderableNode;
import io.pebbletemplates.pebble.parser.Parser;
import io.pebbletemplates.pebble.template.EvaluationContextImpl;
import io.pebbletemplates.pebble.template.PebbleTemplateImpl;
import io.pebbletemplates.pebble.tokenParser.ForTokenParser;
import io.pebbletemplates.pebble.tokenParser.TokenParser;

/** The for tag, each of whose turns takes a step of the {@link RenderBudget}. Stateless. */
final class MeteredFor implements TokenParser {
    private final ForTokenParser pebble = new ForTokenParser();

    @Override
    public String getTag() {
        return pebble.getTag();
    }

    @Override
    public RenderableNode parse(Token token, Parser parser) {
        ForNode loop = (ForNode) pebble.parse(token, parser);
        List<RenderableNode> body = new ArrayList<>();
        body.add(new Step(loop.getLineNumber()));
        body.addAll(loop.getBody().getChildren());
        return new ForNode(loop.getLineNumber(), loop.getIterationVariable(), loop.getIterable(),
                new BodyNode(loop.getBody().getLineNumber(), body), loop.getElseBody());
    }

    private static final class Step extends AbstractRenderableNode {
        Step(int line) {
            super(line);
        }

        @Override
        public void render(PebbleTemplateImpl self, Writer writer, EvaluationContextImpl context) {
            RenderBudget.step();
        }

        @Override
        public void accept(NodeVisitor visitor) {
            visitor.visit(this);
        }
    }
}
