use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cache::{CacheSystem, Counters, Request, Response};
use mmu_core::{Caches, Cycles, MemoryType, PhysAddr, ProcessorId};

use super::{MachineConfig, SimError};
use crate::preset::Preset;

/// A processor's door to the caches. A machine with one processor has no need to share them.
#[derive(Debug)]
pub(super) enum Port {
    Own(Box<CacheSystem>),
    Shared(ProcessorId, SharedCaches),
}

/// The caches of a machine with several processors.
#[derive(Clone, Debug)]
pub(super) struct SharedCaches(Arc<Mutex<CacheSystem>>);

impl SharedCaches {
    pub(super) fn new(system: CacheSystem) -> Self {
        Self(Arc::new(Mutex::new(system)))
    }

    /// They are only counters and tags: a panic elsewhere leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, CacheSystem> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Caches for Port {
    #[inline]
    fn access(&mut self, at: PhysAddr, request: Request, memory_type: MemoryType) -> Response {
        match self {
            Self::Own(system) => system.access(ProcessorId::FIRST, at, request, memory_type),
            Self::Shared(processor, system) => {
                system.lock().access(*processor, at, request, memory_type)
            }
        }
    }

    #[inline]
    fn access_anew(&mut self, at: PhysAddr, request: Request, memory_type: MemoryType) -> Response {
        match self {
            Self::Own(system) => system.access_anew(ProcessorId::FIRST, at, request, memory_type),
            Self::Shared(..) => self.access(at, request, memory_type),
        }
    }

    fn prefetch(&self, at: &[PhysAddr]) {
        match self {
            Self::Own(system) => system.prefetch(at),
            Self::Shared(_, system) => system.lock().prefetch(at),
        }
    }

    #[inline]
    fn repeats(&self, at: PhysAddr, request: Request) -> Option<Cycles> {
        match self {
            Self::Own(system) => system.repeats(ProcessorId::FIRST, at, request),
            Self::Shared(..) => None,
        }
    }

    fn counters(&self) -> Counters {
        match self {
            Self::Own(system) => system.counters(ProcessorId::FIRST).clone(),
            Self::Shared(processor, system) => system.lock().counters(*processor).clone(),
        }
    }
}

/// The doors of the processors of a machine to their caches.
pub(super) fn all(preset: &Preset, config: MachineConfig) -> Result<Vec<Port>, SimError> {
    let shape = cache::HierarchyConfig {
        processors: config.processors.get(),
        ..preset.timed.caches
    };
    let system = CacheSystem::new(&shape)?;
    let processors: Vec<ProcessorId> = system.processors().collect();
    if let [_] = *processors {
        return Ok(vec![Port::Own(Box::new(system))]);
    }
    let shared = SharedCaches::new(system);
    let ports = processors.into_iter();
    Ok(ports.map(|id| Port::Shared(id, shared.clone())).collect())
}
