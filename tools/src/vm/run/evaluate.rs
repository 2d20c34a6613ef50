//! What expressions come to.

use memory_manager::MemoryInformation;
use mmu_core::VirtAddr;

use super::Run;
use crate::vm::{
    constants,
    error::Failure,
    script::{Expression, Operator, Question, Spanned, Width},
};

impl Run<'_> {
    pub(super) fn number(&mut self, expression: &Spanned<Expression>) -> Result<u64, Failure> {
        match &expression.value {
            Expression::Number(number) => Ok(*number),
            Expression::Name(name) => {
                let value = self.values.get(name).copied();
                let value = value.or_else(|| constants::number(name));
                value.ok_or_else(|| Failure::NoValue {
                    name: name.clone(),
                    place: expression.span.clone(),
                })
            }
            Expression::Counter(counter) => Ok(counter.read(&self.machine)),
            Expression::Of(question, address) => {
                let address = VirtAddr::new(self.number(address)?);
                self.answer(*question, address)
            }
            Expression::Both(operator, left, right) => {
                let (left, right) = (self.number(left)?, self.number(right)?);
                let result = match operator {
                    Operator::And => Some(left & right),
                    Operator::Or => Some(left | right),
                    Operator::Add => left.checked_add(right),
                    Operator::Subtract => left.checked_sub(right),
                };
                result.ok_or(Failure::Overflow)
            }
        }
    }

    fn answer(&mut self, question: Question, address: VirtAddr) -> Result<u64, Failure> {
        if let Question::Number(Width(width)) = question {
            let mut bytes = [0; 8];
            self.read(address, &mut bytes[..width])?;
            return Ok(u64::from_le_bytes(bytes));
        }
        let information = self.machine.virtual_query(self.process(), address);
        let information = information.map_err(Failure::Status)?;
        Ok(field(question, &information))
    }
}

fn field(question: Question, information: &MemoryInformation) -> u64 {
    match question {
        Question::State => information.state.bits().into(),
        Question::Protection => information.protection.bits().into(),
        Question::Type => information.kind.map_or(0, |kind| kind.bits().into()),
        Question::Base => information.base.as_u64(),
        Question::Size => information.size,
        Question::AllocationBase => information.allocation_base.map_or(0, VirtAddr::as_u64),
        Question::AllocationProtection => information.allocation_protection.bits().into(),
        Question::Number(_) => 0,
    }
}
